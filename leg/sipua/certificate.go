package sipua

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// A certificate is read again when its file changes.
type certificate struct {
	cert, key string

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	changed time.Time // of the file that was loaded
	looked  time.Time
}

// get is a tls.Config's GetCertificate. A file that cannot be read leaves the old
// certificate in force.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.loaded != nil && now.Sub(c.looked) < time.Minute {
		return c.loaded, nil
	}
	c.looked = now
	info, err := os.Stat(c.cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.changed) {
		return c.loaded, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.loaded, c.changed = &pair, info.ModTime()
		}
	}
	if c.loaded == nil {
		return nil, err
	}
	return c.loaded, nil
}
