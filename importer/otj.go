package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tandem/internal/rewrite"
)

// otjDefaults are the fields of One-Touch Join and what they are unless somebody changes
// them (reference, section 7). "" is nothing.
func otjDefaults() map[string]map[string]string {
	return map[string]map[string]string{
		"mjx_integration": {
			"display_upcoming_meetings": "7", "start_buffer": "5", "end_buffer": "0", "enable_non_video_meetings": "true",
			"enable_private_meetings": "true", "process_alias_private_meetings": "true", "replace_subject_type": "PRIVATE",
			"replace_subject_template": "", "replace_empty_subject": "true", "ep_username": "", "ep_use_https": "true",
			"ep_verify_certificate": "false", "use_webex": "false", "webex_api_domain": "webexapis.com", "webex_client_id": "", "webex_redirect_uri": "",
		},
		"mjx_endpoint_group": {"system_location": "", "disable_proxy": "false"},
		"mjx_endpoint": {
			"endpoint_type": "CISCO", "room_resource_email": "", "api_address": "", "api_port": "", "api_username": "", "use_https": "GLOBAL",
			"verify_cert": "GLOBAL", "poly_username": "", "poly_raise_alarms_for_this_endpoint": "true", "webex_device_id": "",
		},
		"mjx_google_deployment": { //nolint:gosec // public addresses, no credentials
			"client_email": "", "use_user_consent": "false", "client_id": "", "redirect_uri": "",
			"auth_endpoint": "https://accounts.google.com/o/oauth2/v2/auth", "token_endpoint": "https://oauth2.googleapis.com/token",
			"maximum_number_of_api_requests": "900000",
		},
		"mjx_graph_deployment": {"client_id": "", "oauth_token_url": "", "graph_api_domain": "graph.microsoft.com", "request_quota": "1000000"},
		"mjx_exchange_deployment": {
			"authentication_method": "BASIC", "service_account_username": "", "ews_url": "", "find_items_request_quota": "1000000", "kerberos_realm": "",
			"kerberos_kdc": "", "kerberos_exchange_spn": "", "kerberos_auth_every_request": "false", "kerberos_enable_tls": "true", "kerberos_kdc_https_proxy": "",
		},
		"mjx_meeting_processing_rule": {
			"priority": "", "enabled": "true", "meeting_type": "", "domain": "", "company_id": "", "include_pin": "false", "match_string": "",
			"replace_string": "", "default_processing_enabled": "true", "transform_rule": "", "custom_template": "",
		},
	}
}

// otjLinks join the objects with each other; that says nothing to who reads the report.
func otjLinks() []string {
	return []string{"id", "name", "description", "resource_uri", "mjx_integration", "mjx_endpoint_group", "endpoint_groups", "endpoints", "endpoint_group", "mjx_meeting_processing_rules"}
}

// otj reports one object of One-Touch Join: nothing here reads calendars, so none can be
// taken, and what was set has to be known to who does it elsewhere.
func (p *pexip) otj(o object) {
	defaults, known := otjDefaults()[o.kind]
	if !known {
		p.note(o.where(), "is not taken: nothing like it is known")
		return
	}
	var set, other []string
	for _, field := range slices.Sorted(maps.Keys(o.fields)) {
		value := o.text(field)
		usual, documented := defaults[field]
		switch {
		case slices.Contains(otjLinks(), field) || value == "":
		case secretField(field):
			set = append(set, field+" (a secret)")
		case !documented:
			other = append(other, field)
		case !strings.EqualFold(value, usual):
			set = append(set, fmt.Sprintf("%s=%s", field, shortened(value)))
		}
	}
	text := "is not taken: this gateway reads no calendars, and fills no room's list of meetings"
	if len(set) > 0 {
		text += "; set there was " + strings.Join(set, ", ")
	} else {
		text += "; all of it was as it is by default"
	}
	if len(other) > 0 {
		text += "; and fields that are not known: " + strings.Join(other, ", ")
	}
	p.note(o.where(), "%s", text)
	p.otjRule(o)
}

// otjRule says of a rule for meetings what of it could not go on as it is.
func (p *pexip) otjRule(o object) {
	if o.kind != "mjx_meeting_processing_rule" {
		return
	}
	if _, err := rewrite.Compile(o.text("match_string"), o.text("replace_string")); err != nil {
		p.note(o.where(), "its expression is for another engine than RE2: %v", err)
	}
	switch o.text("meeting_type") {
	case "hangouts", "googlemeetsipguestjoin":
		p.note(o.where(), "its meetings can be dialled here: a reception or a rule with meet takes the 13 digits of a Google Meet invitation")
	case "regex":
		p.note(o.where(), "the type regex was given up there, too; regex_re2 is its successor")
	}
}

func secretField(name string) bool {
	return slices.ContainsFunc([]string{"password", "secret", "private_key", "refresh_token"}, func(s string) bool { return strings.Contains(name, s) })
}

// shortened is a value for one line of a report.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
