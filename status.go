package tandem

import (
	"encoding/json"
	"net/http"
	"net/netip"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
)

// Status is what an operator wants to see at a glance.
type Status struct {
	Version  string               `json:"version"`
	Accounts []gvoice.Status      `json:"google_voice"`
	Devices  []sipua.DeviceStatus `json:"devices"`
	Trunks   []sipua.TrunkStatus  `json:"trunks"`
	Calls    []call.Record        `json:"calls"`
	Alarms   []alarm.Alarm        `json:"alarms"`
}

// Status looks at every part.
func (g *Gateway) Status() Status {
	return Status{
		Version: Version, Accounts: g.Voice.Status(), Devices: g.Phones.Devices(), Trunks: g.Phones.Trunks(),
		Calls: g.Switch.Live(), Alarms: g.Alarms.Active(),
	}
}

// serveStatus tells who calls whom, so it answers this machine only.
func (g *Gateway) serveStatus(w http.ResponseWriter, r *http.Request) {
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
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
