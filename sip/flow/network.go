package flow

import "fmt"

// network is a SIP transport protocol.
type network uint8

const (
	udp network = iota
	tcp
	tlsNet
	ws
	wss
	networkCount
)

var networks = [networkCount]struct {
	name, via string
	port      uint16 // default
}{
	udp:    {"udp", "UDP", 5060},
	tcp:    {"tcp", "TCP", 5060},
	tlsNet: {"tls", "TLS", 5061},
	ws:     {"ws", "WS", 80},
	wss:    {"wss", "WSS", 443},
}

func parseNetwork(s string) (network, error) {
	for i, n := range networks {
		if n.name == s {
			return network(i), nil
		}
	}
	return 0, fmt.Errorf("network %q: want udp, tcp, tls, ws or wss", s)
}

func (n network) encrypted() bool { return n == tlsNet || n == wss }
func (n network) webSocket() bool { return n == ws || n == wss }
