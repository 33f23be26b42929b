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
	Serve    serveCmd    `cmd:"" help:"Run the gateway."`
	Demo     demoCmd     `cmd:"" help:"Run the gateway with everything around it simulated, and place real calls."`
	Sim      simCmd      `cmd:"" help:"Run the simulated Google Voice edge alone."`
	Call     callCmd     `cmd:"" help:"Place a test call as a SIP phone, and measure it."`
	Route    routeCmd    `cmd:"" help:"Ask the dial plan."`
	Check    checkCmd    `cmd:"" help:"Check a configuration file."`
	Apply    applyCmd    `cmd:"" help:"Make a file the configuration in the store."`
	Export   exportCmd   `cmd:"" help:"Write the configuration in the store as a file."`
	Versions versionsCmd `cmd:"" help:"List the versions of the configuration, or tell what one changed."`
	TestMail testMailCmd `cmd:"" name:"test-mail" help:"Have a running gateway send a test mail, as alarms are sent."`
	Rollback rollbackCmd `cmd:"" help:"Go back to an old version of the configuration."`
	Import   importCmd   `cmd:"" help:"Make a configuration of another program's."`
	Keys     keysCmd     `cmd:"" help:"Change the key that secrets in the store are sealed with."`
	Token    tokenCmd    `cmd:"" name:"meet-token" help:"Make and install the gateway token for Google Meet."`
	Nodes    nodesCmd    `cmd:"" help:"List the machines of a cluster, what they hold, and their calls."`
	Drain    drainCmd    `cmd:"" help:"Have a machine of a cluster take no new calls."`
	Undrain  undrainCmd  `cmd:"" help:"Have a drained machine take calls again."`
	Health   healthCmd   `cmd:"" help:"Tell whether the gateway on this machine can take calls."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
	Backup   backupCmd   `cmd:"" help:"Write everything the store holds to a file, while the gateway runs."`
	Restore  restoreCmd  `cmd:"" help:"Put what tandem backup wrote into a store."`
	Capture  captureCmd  `cmd:"" help:"Record the packets of a call, without secrets, for Wireshark."`
	Support  supportCmd  `cmd:"" name:"support-bundle" help:"Pack what somebody who helps needs to see, without secrets."`
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
		return slog.New(newLazyHandler(slog.NewJSONHandler(jsonLines{to}, o), nil))
	}
	return slog.New(newLazyHandler(slog.NewTextHandler(to, o), nil))
}
