package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"tandem/leg/meet"
)

// machineFields belong to one machine and never to the configuration that the
// nodes share. Of sip it is listen.
func machineFields() []string {
	return []string{"node", "store", "managed", "key_file", "http", "log", "limits", "media", "web", "cluster", "capture", "tracing"}
}

// WithMachine returns a copy of c that has the fields of the machine from base.
func (c *Config) WithMachine(base *Config) *Config {
	out := c.Clone()
	eachMachineField(reflect.ValueOf(out).Elem(), reflect.ValueOf(base.Clone()).Elem(), func(_ string, of, from reflect.Value) { of.Set(from) })
	return out
}

// CheckMachine finds fields of the machine in which c differs from base; the
// error is an [Errors].
func (c *Config) CheckMachine(base *Config) error {
	var errs Errors
	eachMachineField(reflect.ValueOf(c).Elem(), reflect.ValueOf(base).Elem(), func(field string, of, from reflect.Value) {
		if !same(of, from) {
			errs = append(errs, &Error{Field: field, Msg: "this belongs to the machine: change it in the file the gateway is started with, and start it again"})
		}
	})
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func same(a, b reflect.Value) bool {
	return isDefault(a) && isDefault(b) || reflect.DeepEqual(a.Interface(), b.Interface())
}

func eachMachineField(c, base reflect.Value, f func(field string, of, from reflect.Value)) {
	fields := fieldsOf(c.Type())
	for _, name := range machineFields() {
		f(name, c.FieldByIndex(fields[name]), base.FieldByIndex(fields[name]))
	}
	sip := fields["sip"]
	listen := append(slices.Clone(sip), fieldsOf(c.FieldByIndex(sip).Type())["listen"]...)
	f("sip.listen", c.FieldByIndex(listen), base.FieldByIndex(listen))
}

// KeyFile is the file that opens the secrets in the store.
func (c *Config) KeyFile() string {
	if c.Key != "" {
		return c.Key
	}
	return c.besideStore("tandem.key")
}

// Meetings is Meet with the default of the folder that keeps the gateway token.
func (c *Config) Meetings() meet.Config {
	m := c.Meet
	if m.Gateway == "" {
		m.Gateway = c.besideStore("gateway-token")
	}
	return m
}

// besideStore is a file or folder of the gateway's own, where it may write in any case.
func (c *Config) besideStore(name string) string {
	if path, isFile := strings.CutPrefix(c.StoreURL(), "sqlite:"); isFile || !strings.Contains(path, "://") {
		return filepath.Join(filepath.Dir(path), name)
	}
	return name
}

// StoreURL is the store, with its default.
func (c *Config) StoreURL() string {
	if c.Store == "" {
		return "sqlite:tandem.db"
	}
	return c.Store
}

// Check is Validate with an error that is an [Errors]: a field and a sentence each.
func (c *Config) Check() error {
	if err := c.Validate(); err != nil {
		return located("", nil, err)
	}
	return nil
}

// FieldError is an [Errors] about one field.
func FieldError(field, format string, args ...any) error {
	return Errors{{Field: field, Msg: fmt.Sprintf(format, args...)}}
}
