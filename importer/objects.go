package importer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is one resource of a Pexip export.
type object struct {
	kind   string // "gateway_routing_rule"
	file   string
	n      int // in its file, from 1
	fields map[string]any
}

// text is a field as a text; nothing when it is null or not there.
func (o object) text(field string) string {
	switch v := o.fields[field].(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// is is a switch; absent is what holds when the field is not there.
func (o object) is(field string, absent bool) bool {
	switch strings.ToLower(o.text(field)) {
	case "true", "1", "yes", "on":
		return true
	case "false", "0", "no", "off":
		return false
	}
	return absent
}

// number is a whole number, 0 when there is none.
func (o object) number(field string) int {
	n, err := strconv.Atoi(o.text(field))
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n
}

func (o object) where() string {
	name := o.text("name")
	for _, field := range []string{"alias", "address"} {
		if name == "" {
			name = o.text(field)
		}
	}
	if name == "" {
		name = fmt.Sprintf("number %d of %s", o.n, o.file)
	}
	return o.kind + " " + strconv.Quote(name)
}

// kinds are the resources that mean something here, and those that are told apart.
func kinds() []string {
	return []string{
		"gateway_routing_rule", "conference_alias", "conference", "gms_access_token", "gms_gateway_token", "device", "sip_proxy", "sip_credential",
		"h323_gatekeeper", "mssip_proxy", "teams_proxy", "stun_server", "turn_server", "system_location", "worker_vm", "policy_server", "event_sink",
		"ivr_theme", "automatic_participant", "break_in_allow_list_address", "ldap_sync_source", "end_user", "global", "dns_server", "ntp_server",
		"mjx_integration", "mjx_endpoint_group", "mjx_endpoint", "mjx_google_deployment", "mjx_exchange_deployment", "mjx_graph_deployment", "mjx_meeting_processing_rule",
	}
}

// readObjects reads a file: JSON as the management API answers it ({"objects": […]}), a list
// of objects, or lists by the names of their resources; or CSV with a header.
func readObjects(f File) ([]object, error) {
	text := bytes.TrimPrefix(bytes.TrimSpace(f.Text), []byte("\xef\xbb\xbf"))
	switch {
	case len(text) == 0:
		return nil, fmt.Errorf("%s is empty", f.Name)
	case bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return nil, fmt.Errorf("%s is a ZIP archive; unpack it and name the files", f.Name)
	case text[0] == '{' || text[0] == '[':
		return readJSON(f.Name, text)
	}
	return readCSV(f.Name, text)
}

func readJSON(name string, text []byte) ([]object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s: this is not JSON: %w", name, err)
	}
	if list, ok := v.([]any); ok {
		return objectsOf(name, "", list)
	}
	m, _ := v.(map[string]any)
	if list, ok := m["objects"].([]any); ok {
		return objectsOf(name, "", list)
	}
	var all []object
	found := false
	for _, kind := range kinds() {
		list, ok := listOf(m[kind])
		if !ok {
			continue
		}
		found = true
		some, err := objectsOf(name, kind, list)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if !found {
		return objectsOf(name, "", []any{v})
	}
	return all, nil
}

// objectsOf takes the objects of a list; kind is empty where each has to tell.
func objectsOf(name, kind string, list []any) ([]object, error) {
	if len(list) > maxObjects {
		return nil, fmt.Errorf("%s: more than %d objects", name, maxObjects)
	}
	var all []object
	for i, one := range list {
		fields, ok := one.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: value %d of the list is no object", name, i+1)
		}
		o := object{kind: kind, file: name, n: i + 1, fields: fields}
		if kind == "" {
			o.kind = kindOf(name, fields)
		}
		all = append(all, o)
	}
	return all, nil
}

// listOf is a list, or the list of an API's answer.
func listOf(v any) ([]any, bool) {
	if m, ok := v.(map[string]any); ok {
		v = m["objects"]
	}
	list, ok := v.([]any)
	return list, ok
}

func readCSV(name string, text []byte) ([]object, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s is neither JSON nor CSV: %w", name, err)
	}
	for i := range header {
		header[i] = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(header[i]), " ", "_"))
	}
	var all []object
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fields := make(map[string]any)
		for i, v := range row {
			if i < len(header) && v != "" {
				fields[header[i]] = v
			}
		}
		if all = append(all, object{kind: kindOf(name, fields), file: name, n: len(all) + 1, fields: fields}); len(all) > maxObjects {
			return nil, fmt.Errorf("%s: more than %d rows", name, maxObjects)
		}
	}
}

var resourceURI = regexp.MustCompile(`/([a-z0-9_]+)/[^/]+/?$`)

// kindOf tells what an object is: by its address, by its file's name, or by its
// fields.
func kindOf(file string, fields map[string]any) string {
	if uri, ok := fields["resource_uri"].(string); ok {
		if m := resourceURI.FindStringSubmatch(uri); m != nil {
			return m[1]
		}
	}
	base := strings.ToLower(filepath.Base(file))
	for _, kind := range kinds() {
		if strings.HasPrefix(base, kind) {
			return kind
		}
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { _, ok := fields[n]; return !ok })
	}
	switch {
	case has("priority", "match_string"):
		return "gateway_routing_rule"
	case has("service_type"):
		return "conference"
	case has("alias", "conference"):
		return "conference_alias"
	case has("alias", "username"):
		return "device"
	case has("address", "transport"):
		return "sip_proxy"
	case has("name", "token"):
		return "gms_access_token"
	}
	return "unknown"
}
