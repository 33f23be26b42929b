// Command tandem is the gateway, its simulators, and the tools around them. Each
// subcommand has a file of its own; `tandem --help` lists them.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"tandem"
	"tandem/config"
)

type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the gateway."`
	Demo    demoCmd    `cmd:"" help:"Run the gateway with everything around it simulated, and place real calls."`
	Sim     simCmd     `cmd:"" help:"Run the simulated Google Voice edge alone."`
	Call    callCmd    `cmd:"" help:"Place a test call as a SIP phone, and measure it."`
	Route   routeCmd   `cmd:"" help:"Ask the dial plan."`
	Check   checkCmd   `cmd:"" help:"Check a configuration file."`
	Token   tokenCmd   `cmd:"" name:"meet-token" help:"Make and install the gateway token for Google Meet."`
	Nodes   nodesCmd   `cmd:"" help:"List the machines of a cluster, what they hold, and their calls."`
	Drain   drainCmd   `cmd:"" help:"Have a machine of a cluster take no new calls."`
	Undrain undrainCmd `cmd:"" help:"Have a drained machine take calls again."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	var c commands
	ctx := kong.Parse(&c, kong.Name("tandem"), kong.UsageOnError(),
		kong.Description("Tandem connects SIP phones and PBXs with Google Voice."))
	if err := ctx.Run(&c); err != nil {
		fmt.Fprintln(os.Stderr, "tandem:", err)
		os.Exit(1)
	}
}

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println("tandem", tandem.Version)
	return nil
}

// newLog makes the logger the configuration asks for.
func newLog(c config.Log, to io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, o))
	}
	return slog.New(slog.NewTextHandler(to, o))
}
