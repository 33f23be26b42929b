package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"tandem/cluster"
	"tandem/config"
	"tandem/store"
)

// shared is how the commands about several machines find them.
type shared struct {
	Config string `short:"c" help:"Configuration file of one of the machines; default tandem.yaml." default:"tandem.yaml" type:"path"`
	Store  string `help:"Database that the machines share, instead of the file's: postgres://…"`
}

// commandTime bounds what a command waits for the database.
const commandTime = 30 * time.Second

// with runs f on the store; node is the name of the file's machine.
func (s *shared) with(f func(ctx context.Context, db *store.DB, node string) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	url := s.Store
	node, _ := os.Hostname()
	if url == "" {
		conf, err := config.Load(s.Config)
		if err != nil {
			return err
		}
		url = conf.StoreURL()
		if conf.Node != "" {
			node = conf.Node
		}
	}
	if !strings.HasPrefix(url, "postgres") {
		return fmt.Errorf("the store is not shared: several machines need a PostgreSQL (store: postgres://…)")
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(ctx, db, node)
}

type nodesCmd struct {
	shared
	Calls bool `help:"List the calls that run on all machines, too."`
}

func (n *nodesCmd) Run() error {
	return n.with(func(ctx context.Context, db *store.DB, _ string) error {
		v, err := cluster.Read(ctx, db)
		if err != nil {
			return err
		}
		if err := printNodes(os.Stdout, v); err != nil || !n.Calls {
			return err
		}
		calls, err := cluster.Calls(ctx, db)
		if err != nil {
			return err
		}
		return printCalls(os.Stdout, calls, v.Now)
	})
}

// printNodes writes the machines, and who holds what.
func printNodes(to io.Writer, v *cluster.View) error {
	if len(v.Nodes) == 0 {
		_, err := fmt.Fprintln(to, "There are no machines yet.")
		return err
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MACHINE\tSTATE\tCALLS\tLAST SIGN OF LIFE\tADDRESS\tVERSION\tHOLDS")
	for _, n := range v.Nodes {
		var holds []string
		for _, l := range v.Leases {
			if l.Node == n.Name && l.Session == n.Session {
				holds = append(holds, l.Resource)
			}
		}
		ago := v.Now.Sub(n.Beat).Round(time.Second)
		fmt.Fprintf(w, "%s\t%s\t%d\t%v ago\t%s\t%s\t%s\n", n.Name, n.State, n.Calls, max(ago, 0), dash(n.Address), n.Version, dash(strings.Join(holds, " ")))
	}
	for _, l := range v.Leases {
		if l.Node == "" {
			fmt.Fprintf(w, "nobody\t\t\t\t\t\t%s\n", l.Resource)
		}
	}
	return w.Flush()
}

func printCalls(to io.Writer, calls []cluster.Call, now time.Time) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nCALL\tMACHINE\tFROM\tTO\tBETWEEN\tSINCE")
	for _, c := range calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s and %s\t%v\n", c.ID, c.Node, dash(c.From), c.To, dash(c.A), dash(c.B), max(now.Sub(c.Began).Round(time.Second), 0))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type drainCmd struct {
	shared
	Node string `arg:"" optional:"" help:"Machine; default the one of the configuration file."`
}

func (d *drainCmd) Run() error { return d.set(true) }

type undrainCmd struct{ drainCmd }

func (d *undrainCmd) Run() error { return d.set(false) }

func (d *drainCmd) set(drain bool) error {
	return d.with(func(ctx context.Context, db *store.DB, node string) error {
		if d.Node != "" {
			node = d.Node
		}
		by := "command line"
		if u, err := user.Current(); err == nil {
			by = u.Username
		}
		if err := cluster.Drain(ctx, db, node, drain, by); err != nil {
			return err
		}
		if drain {
			fmt.Printf("%s takes no new calls and hands over its Google Voice accounts; those calls that run go on. See tandem nodes.\n", node)
		} else {
			fmt.Printf("%s takes calls again.\n", node)
		}
		return nil
	})
}
