package ipc

// OOMFiles and OOMCount find and read the kernel's count of the processes that
// it has killed for want of memory.
var (
	OOMFiles = oomFiles
	OOMCount = oomCount
)

// SetOOMFile has the count read from another file.
func SetOOMFile(name string) (restore func()) {
	was := oomFile
	oomFile = func() string { return name }
	return func() { oomFile = was }
}
