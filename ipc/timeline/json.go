package timeline

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes the log as JSON, which [ReadJSON] reads. Times are in
// nanoseconds.
func (l *Log) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(l)
}

// ReadJSON reads what [Log.WriteJSON] has written.
func ReadJSON(r io.Reader) (*Log, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	l := &Log{}
	if err := d.Decode(l); err != nil {
		return nil, fmt.Errorf("timeline: read JSON: %w", err)
	}
	return l, nil
}
