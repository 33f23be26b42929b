package tandem

import (
	"encoding/json"
	"net/http"
	"net/netip"

	"tandem/alarm"
	"tandem/call"
	"tandem/cluster"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
)

// Status is what an operator wants to see at a glance.
type Status struct {
	Version  string               `json:"version"`
	Accounts []gvoice.Status      `json:"google_voice"`
	Devices  []sipua.DeviceStatus `json:"devices"`
	Trunks   []sipua.TrunkStatus  `json:"trunks"`
	Blocked  []sipua.Blocked      `json:"blocked"` // by the guard against guessing
	Meetings []meet.Status        `json:"meetings"`
	Calls    []runningCall        `json:"calls"`
	Alarms   []alarm.Alarm        `json:"alarms"`
	Cluster  *cluster.View        `json:"cluster,omitempty"` // the machines, on more than one
}

// runningCall is the record of a call that runs. It has no cause yet; the record in
// the store says lost meanwhile, which is true if the gateway does not survive the call.
type runningCall struct {
	call.Record
	Cause *call.Cause `json:"cause,omitempty"` // hides the record's; always nil
}

func (g *Gateway) runningCalls() []runningCall {
	all := []runningCall{}
	for _, r := range g.Switch.Live() {
		all = append(all, runningCall{Record: r})
	}
	return all
}

// Status looks at every part.
func (g *Gateway) Status() Status {
	return Status{
		Version: Version, Accounts: g.Accounts(), Devices: g.Phones.Devices(), Trunks: g.Phones.Trunks(), Blocked: g.Phones.Blocked(),
		Meetings: g.Meet.Status(),
		Calls:    g.runningCalls(), Alarms: g.Alarms.Active(), Cluster: g.Nodes(),
	}
}

// serveStatus tells who calls whom, so it answers this machine only.
func (g *Gateway) serveStatus(w http.ResponseWriter, r *http.Request) {
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() || !isLocal(r.Host) {
		http.Error(w, "the status is shown to this machine only", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(g.Status()); err != nil {
		g.log.Debug("status not sent", "err", err)
	}
}
