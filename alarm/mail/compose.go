package mail

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"tandem/alarm"
)

// compose writes the message (RFC 5322) that tells the news.
func compose(conf Config, node string, news []alarm.Alarm, now time.Time) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", address(conf.From))
	to := make([]string, len(conf.To))
	for i := range to {
		to[i] = address(conf.To[i])
	}
	header("To", strings.Join(to, ",\r\n "))
	encoded := mime.QEncoding.Encode("utf-8", oneLine(subject(node, news)))
	header("Subject", strings.ReplaceAll(encoded, "?= =?", "?=\r\n =?")) // RFC 2047 §2: short lines
	header("Date", now.Format(time.RFC1123Z))
	header("Message-ID", "<"+rand.Text()+"@tandem.invalid>")
	header("Auto-Submitted", "auto-generated") // RFC 3834: nobody is away
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(text(node, news))) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func address(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil { // Validate has seen it
		return s
	}
	return a.String()
}

// bare is the address alone, as the envelope has it.
func bare(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return s
	}
	return a.Address
}

func subject(node string, news []alarm.Alarm) string {
	worst := news[0]
	begun := 0
	for _, a := range news {
		if a.Active() {
			begun++
			if !worst.Active() || a.Severity > worst.Severity {
				worst = a
			}
		}
	}
	s := fmt.Sprintf("[Tandem %s] %s: %s", node, state(worst), worst.Title)
	if worst.Subject != "" {
		s += ": " + worst.Subject
	}
	if n := len(news) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

func state(a alarm.Alarm) string {
	if a.Active() {
		return a.Severity.String()
	}
	return "over"
}

// text is the body: what a person needs to know of each alarm.
func text(node string, news []alarm.Alarm) string {
	var b strings.Builder
	for _, a := range news {
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&b, "%-10s%s\n", name, plain(value))
			}
		}
		line("Alarm", a.Title)
		line("About", a.Subject)
		line("State", state(a))
		line("Since", a.Begin.Format(time.DateTime+" MST"))
		if !a.Active() {
			line("Until", a.End.Format(time.DateTime+" MST")+", "+a.End.Sub(a.Begin).Round(time.Second).String())
		}
		line("Detail", a.Detail)
		if a.Active() {
			line("To do", a.Do)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "-- \nThe gateway %s tells of alarms as they begin and end (alarms.mail in its configuration).\n", node)
	return b.String()
}

// plain keeps what the wire brought from looking like more than a line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(s, "\n", "; "))
}

// oneLine is a subject: plain and not endless.
func oneLine(s string) string {
	r := []rune(plain(s))
	if len(r) > 200 {
		r = append(r[:199], '…')
	}
	return string(r)
}
