package config

import (
	"fmt"
	"path/filepath"
)

// files calls f with every field that names a file on the machine and is not the
// machine's own.
func (c *Config) files(f func(field string, path *string)) {
	for i := range c.SIP.Trunks {
		f(fmt.Sprintf("sip.trunks[%d].roots", i), &c.SIP.Trunks[i].Roots)
	}
	for i := range c.SIP.Proxies {
		f(fmt.Sprintf("sip.proxies[%d].roots", i), &c.SIP.Proxies[i].Roots)
	}
	f("meet.roots", &c.Meet.Roots)
	f("meet.gateway_token", &c.Meet.Gateway)
	f("alarms.mail.roots", &c.Alarms.Mail.Roots)
	f("oidc.roots", &c.OIDC.Roots)
	for i, r := range c.Receptions {
		for name, path := range r.Sounds {
			f(fmt.Sprintf("receptions[%d].sounds.%s", i, name), &path)
			r.Sounds[name] = path
		}
	}
	for i := range c.Voice {
		f(fmt.Sprintf("google_voice[%d].roots", i), &c.Voice[i].Roots)
		f(fmt.Sprintf("google_voice[%d].client_cert", i), &c.Voice[i].ClientCert)
	}
}

// CheckPaths finds names of files that mean another file wherever the gateway is started:
// a document in the store is in no folder that they could be relative to. Those that old has
// already may stay. The error is an [Errors].
func (c *Config) CheckPaths(old *Config) error {
	var errs Errors
	had := make(map[string]bool)
	old.files(func(_ string, path *string) { had[*path] = true })
	c.files(func(field string, path *string) {
		if *path != "" && !filepath.IsAbs(*path) && !had[*path] {
			errs = append(errs, &Error{Field: field, Msg: fmt.Sprintf("%q is relative to no folder here; write the whole path, such as /etc/tandem/%s", *path, filepath.Base(*path))})
		}
	})
	if len(errs) > 0 {
		return errs
	}
	return nil
}
