package ipctest

import "time"

// Impatient has what is left reported soon, for tests that leave it.
func Impatient() { patience = 500 * time.Millisecond }

// Patient is the opposite.
func Patient() { patience = 5 * time.Second }

// FromPs lists as where there is no /proc of Linux's, and Numbered too.
var (
	FromPs   = fromPs
	Numbered = numbered
)
