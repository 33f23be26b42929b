package pipe

import (
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// NoInterfaces is for an ICE agent that is given its sockets: it need not ask the kernel
// for the machine's interfaces, which took a tenth of what it costs to set a call up.
func NoInterfaces() transport.Net { return &stdnet.Net{} }
