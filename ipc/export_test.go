package ipc

import "github.com/mpbox/mpbox/ipc/internal/space"

// Usage is what this process has of shared memory, see [space.Usage].
var Usage = space.Usage

// SegmentDescriptors is how many descriptors a segment has.
const SegmentDescriptors = space.Descriptors

// TextCause and LastWords read what a crashed program has written.
var (
	TextCause = textCause
	LastWords = lastWords
)
