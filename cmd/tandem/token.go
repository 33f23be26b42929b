package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"tandem/token"
)

// tokenCmd keeps the gateway token: what this gateway shows the meeting service to
// be known as one.
type tokenCmd struct {
	Config string `short:"c" default:"tandem.yaml" help:"Configuration file; its meet.gateway_token is the folder." type:"path"`
	Dir    string `help:"The folder itself, instead of the configuration's." type:"path"`

	CSR     csrCmd     `cmd:"" help:"Make a key and a certificate signing request for it, and print the request."`
	Install installCmd `cmd:"" help:"Install the certificate that came back."`
	Status  statusCmd  `cmd:"" help:"Tell what is installed and until when it is good."`
}

func (c *tokenCmd) gateway() (*token.Gateway, error) {
	if c.Dir != "" {
		return &token.Gateway{Dir: c.Dir}, nil
	}
	conf, err := inForce(c.Config)
	if err != nil {
		return nil, err
	}
	return &token.Gateway{Dir: conf.Meetings().Gateway}, nil
}

type csrCmd struct {
	Name string `help:"Name of this gateway in its tokens; default the host name."`
	RSA  bool   `help:"An RSA key of 2048 bits instead of a P-256 one."`
	Out  string `short:"o" help:"File for the request; default the standard output." type:"path"`
}

// Run prints the request; the key stays in the folder.
func (c *csrCmd) Run(all *commands) error {
	g, err := all.Token.gateway()
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return fmt.Errorf("the host has no name; use --name: %w", err)
		}
	}
	csr, err := g.Request(name, c.RSA)
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = os.Stdout.Write(csr)
		return err
	}
	if err := os.WriteFile(c.Out, csr, 0o600); err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	fmt.Printf("The request for %s is in %s. Send it to the operator of the meeting service, and install the answer with `tandem meet-token install`.\n", name, c.Out)
	return nil
}

type installCmd struct {
	File string `arg:"" help:"Certificate and its chain in PEM form; - is the standard input."`
	Now  bool   `help:"Put it in force at once, although another one is still good."`
}

// maxCertificates bounds what is read from a file that somebody named by mistake.
const maxCertificates = 256 << 10 // octets

// Run installs the certificate. A gateway that runs notices within the hour.
func (c *installCmd) Run(all *commands) error {
	g, err := all.Token.gateway()
	if err != nil {
		return err
	}
	from := os.Stdin
	if c.File != "-" {
		if from, err = os.Open(c.File); err != nil {
			return fmt.Errorf("read the certificate: %w", err)
		}
		defer from.Close()
	}
	text, err := io.ReadAll(io.LimitReader(from, maxCertificates))
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	s, err := g.Install(text, c.Now)
	if err != nil {
		return err
	}
	printStatus(s)
	return nil
}

type statusCmd struct{}

// Run prints what is installed.
func (statusCmd) Run(all *commands) error {
	g, err := all.Token.gateway()
	if err != nil {
		return err
	}
	if err := g.Load(); err != nil {
		return err
	}
	printStatus(g.Status())
	return nil
}

func printStatus(s token.GatewayStatus) {
	for _, c := range []struct {
		name string
		token.CertificateStatus
	}{{"active", s.Active}, {"staged", s.Staged}} {
		if !c.Installed {
			fmt.Printf("%s: none\n", c.name)
			continue
		}
		fmt.Printf("%s: %s (%s), signed by %s, good until %s\n", c.name, c.Subject, c.Key, c.Issuer, c.Until.Format(time.DateTime))
	}
	if s.Requested {
		fmt.Println("A request was made and is not answered yet.")
	}
}
