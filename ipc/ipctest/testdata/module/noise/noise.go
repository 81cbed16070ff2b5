// Package noise is a library that greets whoever imports it.
package noise

import "fmt"

// Loud has the package imported for something.
const Loud = true

func init() { fmt.Println("Content-Length: 3\r\n\r\nThank you for using noise!") }
