package metrics

// The gateway's families, in the words of the field. A connector is the kind
// of leg: sipua, gvoice. A cause is call.Cause's metric label.
var (
	BuildInfo = Family{
		Name: "tandem_build_info", Help: "Always 1; the labels say what runs.",
		Labels: []string{"version", "go_version"},
	}

	// Calls.

	CallsTotal = Family{
		Name: "tandem_calls_total", Help: "Calls that have ended, by the connector of the B-leg (none: not routed) and by cause.",
		Kind: Counter, Labels: []string{"connector", "cause"},
	}
	CallsActive = Family{
		Name: "tandem_calls_active", Help: "Calls now, by phase.",
		Labels: []string{"phase"},
	}
	LegsActive = Family{
		Name: "tandem_legs_active", Help: "Legs of calls now, also those that are letting go, by connector.",
		Labels: []string{"connector"},
	}
	CallSetupSeconds = Family{
		Name: "tandem_call_setup_seconds", Help: "From the A-leg's INVITE until the answer, by the connector of the B-leg.",
		Kind: Histogram, Labels: []string{"connector"},
		Buckets: []float64{.05, .1, .25, .5, 1, 2, 3, 5, 10, 20, 30, 60, 120},
	}
	CallPostDialDelaySeconds = Family{
		Name: "tandem_call_post_dial_delay_seconds", Help: "From the A-leg's INVITE until the first ringing or early media.",
		Kind: Histogram, Labels: []string{"connector"},
		Buckets: []float64{.05, .1, .25, .5, 1, 2, 3, 5, 10, 20, 30},
	}
	CallDurationSeconds = Family{
		Name: "tandem_call_duration_seconds", Help: "From the answer until the end, of answered calls.",
		Kind: Histogram, Labels: []string{"connector"},
		Buckets: []float64{1, 5, 10, 30, 60, 180, 600, 1800, 3600, 7200, 14400},
	}

	// Registrations and accounts.

	Registrations = Family{
		Name: "tandem_registrations", Help: "Contacts of devices that are registered with the gateway now.",
	}
	AccountState = Family{
		Name:   "tandem_gvoice_account_state",
		Help:   "1 for the state the Google Voice account is in, 0 for the others. Calls work in state registered only.",
		Labels: []string{"account", "state"},
	}

	// Google Meet.

	MeetJoinsTotal = Family{
		Name: "tandem_meet_joins_total", Help: "Attempts to join a meeting, by result (joined, or the cause of the refusal).",
		Kind: Counter, Labels: []string{"result"},
	}
	MeetCalls = Family{
		Name: "tandem_meet_calls", Help: "Calls to meetings now, by stage (joined, waiting: in the lobby).",
		Labels: []string{"stage"},
	}
	MeetLobbiesTotal = Family{
		Name: "tandem_meet_lobbies_total", Help: "Calls that had to wait in the lobby of a meeting.",
		Kind: Counter,
	}
	MeetTokenExpiry = Family{
		Name: "tandem_meet_gateway_token_expiry_seconds", Help: "Seconds until the gateway token expires; absent without one.",
	}

	// SIP.

	SIPMessagesTotal = Family{
		Name: "tandem_sip_messages_total", Help: "SIP messages, by transport and direction (in, out).",
		Kind: Counter, Labels: []string{"transport", "direction"},
	}
	SIPBytesTotal = Family{
		Name: "tandem_sip_bytes_total", Help: "Bytes of SIP, by transport and direction (in, out).",
		Kind: Counter, Labels: []string{"transport", "direction"},
	}
	SIPParseErrorsTotal = Family{
		Name: "tandem_sip_parse_errors_total", Help: "Messages that could not be read, by transport.",
		Kind: Counter, Labels: []string{"transport"},
	}
	SIPDroppedTotal = Family{
		Name: "tandem_sip_dropped_total", Help: "Messages and connections that were not served, by reason (a limit, a full queue).",
		Kind: Counter, Labels: []string{"reason"},
	}
	SIPConnections = Family{
		Name: "tandem_sip_connections", Help: "SIP connections that are open now, by transport.",
		Labels: []string{"transport"},
	}
	SIPTransactions = Family{
		Name: "tandem_sip_transactions", Help: "SIP transactions now, by side (client, server).",
		Labels: []string{"side"},
	}
	SIPTransactionsTotal = Family{
		Name: "tandem_sip_transactions_total", Help: "SIP transactions begun, by side (client, server).",
		Kind: Counter, Labels: []string{"side"},
	}
	SIPRetransmissionsTotal = Family{
		Name: "tandem_sip_retransmissions_total", Help: "SIP messages sent again because no answer came, and copies received, by direction.",
		Kind: Counter, Labels: []string{"direction"},
	}
	SIPTimeoutsTotal = Family{
		Name: "tandem_sip_timeouts_total", Help: "SIP transactions that ended without an answer.",
		Kind: Counter,
	}
	SIPAuthFailuresTotal = Family{
		Name: "tandem_sip_auth_failures_total", Help: "Requests with wrong credentials.",
		Kind: Counter,
	}

	// Calls that were not let out.

	TollRefusalsTotal = Family{
		Name: "tandem_toll_refusals_total", Help: "Calls out that the guard against toll fraud refused, by reason (rate, at_once, burst, barred).",
		Kind: Counter, Labels: []string{"reason"},
	}

	// Room for calls.

	PortsUsed = Family{
		Name: "tandem_ports_used", Help: "Ports that are taken now: two for each call, one for each of its legs.",
	}
	PortsLimit = Family{
		Name: "tandem_ports_limit", Help: "Ports there are; 0 is no limit.",
	}
	CPURatio = Family{
		Name: "tandem_cpu_ratio", Help: "Share of the processors in use, 0 to 1, as admission sees it: by the gateway or by the whole machine, whichever is greater; 0 where it cannot be measured.",
	}
	AdmissionRefusalsTotal = Family{
		Name: "tandem_admission_refusals_total", Help: "Calls that were not let in, by reason (ports, cpu).",
		Kind: Counter, Labels: []string{"reason"},
	}
	ReceptionSentencesTotal = Family{
		Name: "tandem_reception_sentences_total", Help: "What callers were told at receptions, by sentence (connecting: a meeting was found, unknown: none).",
		Kind: Counter, Labels: []string{"sentence"},
	}

	// Media.

	RTPPacketsTotal = Family{
		Name: "tandem_rtp_packets_total", Help: "RTP packets, by direction (in, out).",
		Kind: Counter, Labels: []string{"direction"},
	}
	RTPBytesTotal = Family{
		Name: "tandem_rtp_bytes_total", Help: "Bytes of RTP payload, by direction (in, out).",
		Kind: Counter, Labels: []string{"direction"},
	}
	RTPLostTotal = Family{
		Name: "tandem_rtp_packets_lost_total", Help: "RTP packets that never came.",
		Kind: Counter,
	}
	RTPDroppedTotal = Family{
		Name: "tandem_rtp_packets_dropped_total", Help: "Packets on media ports that were not used or not sent, by reason (stray: no media, rejected: wrong source, bad authentication or a copy, unsent).",
		Kind: Counter, Labels: []string{"reason"},
	}
	RTPJitterSeconds = Family{
		Name: "tandem_rtp_jitter_seconds", Help: "Interarrival jitter (RFC 3550 section 6.4.1) of the streams now (stream: median, worst).",
		Labels: []string{"stream"},
	}
	MediaSessions = Family{
		Name: "tandem_media_sessions", Help: "Media sessions now.",
	}
	BridgesActive = Family{
		Name: "tandem_bridges_active", Help: "Bridges now, by kind (idle, relay, law, ringing, transcode, conference).",
		Labels: []string{"kind"},
	}

	// What a person must know, and the store.

	AlarmsActive = Family{
		Name: "tandem_alarms_active", Help: "Alarms that last, by severity.",
		Labels: []string{"severity"},
	}
	AlarmMailsTotal = Family{
		Name: "tandem_alarm_mails_total", Help: "Mails about alarms, by result (sent, failed: an attempt, dropped: a change of an alarm that nobody was told of).",
		Kind: Counter, Labels: []string{"result"},
	}
	EventsDroppedTotal = Family{
		Name: "tandem_events_dropped_total", Help: "Listeners that were too slow and cut off (listener: /events and exports), events that a webhook's full queue did not take (webhook).",
		Kind: Counter, Labels: []string{"to"},
	}
	TokenFetchesTotal = Family{
		Name: "tandem_token_fetches_total", Help: "Access tokens asked for, by result (ok, refused, failed).",
		Kind: Counter, Labels: []string{"result"},
	}
	TracesTotal = Family{
		Name: "tandem_traces_total", Help: "Calls whose trace was due, by result (sent, failed, dropped).",
		Kind: Counter, Labels: []string{"result"},
	}
	StoreWaiting = Family{
		Name: "tandem_store_records_waiting", Help: "Call records that wait to be stored.",
	}
	StoreDroppedTotal = Family{
		Name: "tandem_store_records_dropped_total", Help: "Call records that were lost because too many waited or the database refused them.",
		Kind: Counter,
	}
)
