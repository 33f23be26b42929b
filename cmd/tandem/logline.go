package main

import (
	"bytes"
	"fmt"
	"io"
)

// jsonLines writes JSON so that a terminal is commanded by nothing in it: encoding/json
// leaves DEL and the controls of U+0080 to U+009F as they are. Each Write is a whole line.
type jsonLines struct{ to io.Writer }

// Write implements io.Writer.
func (w jsonLines) Write(line []byte) (int, error) {
	if !commandsTerminal(line) {
		return w.to.Write(line)
	}
	var b bytes.Buffer
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == 0x7f:
			b.WriteString(`\u007f`)
		case isC1(line, i):
			i++
			fmt.Fprintf(&b, `\u00%02x`, line[i])
		default:
			b.WriteByte(line[i])
		}
	}
	if _, err := w.to.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(line), nil
}

func commandsTerminal(line []byte) bool {
	for i := range line {
		if line[i] == 0x7f || isC1(line, i) {
			return true
		}
	}
	return false
}

// isC1 reports whether one of U+0080 to U+009F begins here, in UTF-8.
func isC1(line []byte, i int) bool {
	return line[i] == 0xc2 && i+1 < len(line) && line[i+1] >= 0x80 && line[i+1] <= 0x9f
}
