package meet

import (
	"slices"
	"strings"
	"time"

	"tandem/media"
	"tandem/token"
)

// A Status describes one call in a meeting, for people.
type Status struct {
	Leg     string        `json:"leg"`
	Meeting string        `json:"meeting"` // as dialled
	Space   string        `json:"space,omitempty"`
	Title   string        `json:"title,omitempty"`
	Token   string        `json:"token"` // name of the access token
	Stage   string        `json:"stage"`
	Since   time.Time     `json:"since"`
	People  int           `json:"people"`
	Path    string        `json:"path"`
	Trip    time.Duration `json:"round_trip"`
	Rate    int           `json:"bandwidth"` // bit/s toward Meet
}

// Stats counts the connector's calls.
type Stats struct {
	Joins   map[string]uint64 // attempts by result: "joined", or the label of the cause
	Lobbies uint64            // calls that had to wait in a lobby, ever
	Active  int               // in a meeting now
	Waiting int               // in a lobby now
}

// Status returns every call there is.
func (c *Connector) Status() []Status {
	var out []Status
	for _, l := range c.calls() {
		r := l.current().Roster()
		out = append(out, Status{
			Leg: l.info.ID, Meeting: l.info.Remote, Space: l.current().spaceName(), Title: r.Title, Token: l.edge.access.Name,
			Stage: r.Stage.String(), Since: r.Since, People: len(r.People), Path: l.current().String(),
			Trip: l.current().Stats().RoundTrip, Rate: l.current().Bandwidth(),
		})
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Leg, b.Leg) })
	return out
}

// Stats is a snapshot.
func (c *Connector) Stats() Stats {
	st := Stats{Joins: map[string]uint64{}}
	for _, l := range c.calls() {
		switch l.current().Roster().Stage {
		case media.Joined:
			st.Active++
		case media.Waiting:
			st.Waiting++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for result, n := range c.joins {
		st.Joins[result] = n
	}
	st.Lobbies = c.lobbies
	return st
}

// Gateway describes the gateway token.
func (c *Connector) Gateway() token.GatewayStatus {
	if s := c.current(); s != nil && s.conf.Gateway != "" {
		return s.gateway.Status()
	}
	return token.GatewayStatus{}
}

func (c *Connector) calls() []*Leg {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*Leg, 0, len(c.live))
	for l := range c.live {
		out = append(out, l)
	}
	return out
}

func (c *Connector) joined(result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.joins == nil {
		c.joins = map[string]uint64{}
	}
	c.joins[result]++
}

func (c *Connector) knocked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lobbies++
}

func (c *Connector) forget(l *Leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, l)
}
