package meet

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxMessage bounds messages of data channels (contract, section 8).
const maxMessage = 64 << 10

// The canonical status codes that responses carry.
const (
	codeOK              = 0
	codeInvalid         = 3
	codeDenied          = 7
	codeExhausted       = 8
	codePrecondition    = 9
	codeUnimplemented   = 12
	maxRequestsASecond  = 20
	maxAssignsASecond   = 4
	maxChatIn5Seconds   = 5
	maxChatCharacters   = 2000
	leastCanvas         = 16   // pixels
	largestCanvas       = 4096 // pixels
	assignmentsLimitMsg = "more than 4 assignments within a second"
)

// request is one message of a client.
type request struct {
	id   int64
	verb string
	body json.RawMessage
}

var errEnvelope = errors.New(`want {"request":{"requestId":N,"<verb>":{…}}}`)

// parseRequest reads the envelope. verb is empty if there is none, or more than one.
func parseRequest(b []byte) (request, error) {
	var envelope struct {
		Request map[string]json.RawMessage `json:"request"`
	}
	if !utf8.Valid(b) {
		return request{}, errors.New("the message is not UTF-8")
	}
	if err := json.Unmarshal(b, &envelope); err != nil {
		return request{}, err
	}
	var r request
	if json.Unmarshal(envelope.Request["requestId"], &r.id) != nil || r.id <= 0 {
		return request{}, errEnvelope
	}
	delete(envelope.Request, "requestId")
	if len(envelope.Request) == 1 {
		for r.verb, r.body = range envelope.Request {
		}
	}
	return r, nil
}

// status of a response; absent would mean OK, but the edge always writes it.
type status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Details []any  `json:"details"`
}

// outcome is the result of a request: a value for its verb, or an error.
type outcome struct {
	code  int
	text  string
	body  any
	after func() // what follows from the request, said after its answer
}

func failed(code int, text string) outcome { return outcome{code: code, text: text, body: struct{}{}} }

func done(body any) outcome { return outcome{body: body} }

// message is what the edge sends.
type message struct {
	Response  map[string]any   `json:"response,omitempty"`
	Resources []map[string]any `json:"resources,omitempty"`
	Deleted   []map[string]any `json:"deletedResources,omitempty"`
}

func respond(r request, o outcome) message {
	m := map[string]any{"requestId": r.id, "status": status{o.code, o.text, []any{}}}
	if r.verb != "" {
		m[r.verb] = o.body
	}
	return message{Response: m}
}

// resource is a snapshot; id 0 is a singleton, which has none.
func resource(id int, kind string, v any) map[string]any {
	m := map[string]any{kind: v}
	if id != 0 {
		m["id"] = id
	}
	return m
}

func (m message) text() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		return []byte(`{}`) // cannot be: the values are our own
	}
	return b
}

// The resources, in the Media API's spelling; what is ours is in the contract.

type sessionStatus struct {
	State   string     `json:"connectionState"`
	Reason  Disconnect `json:"disconnectReason,omitempty"`
	Message string     `json:"disconnectMessage,omitempty"`
	Lobby   *lobbyInfo `json:"lobby,omitempty"`
}

type lobbyInfo struct {
	Position      int    `json:"position"`
	ExpiresIn     string `json:"expiresIn"`
	CanBeAdmitted bool   `json:"canBeAdmitted"`
}

type userName struct {
	User        string `json:"user,omitempty"`
	DisplayName string `json:"displayName"`
}

type participantResource struct {
	ID        int       `json:"participantId"`
	Key       string    `json:"participantKey"`
	SignedIn  *userName `json:"signedInUser,omitempty"`
	Anonymous *userName `json:"anonymousUser,omitempty"`
	Phone     *userName `json:"phoneUser,omitempty"`
	Device    string    `json:"device,omitempty"`
}

type mediaEntry struct {
	ParticipantID  int      `json:"participantId"`
	ParticipantKey string   `json:"participantKey"`
	SessionName    string   `json:"sessionName"`
	AudioCSRC      uint32   `json:"audioCsrc"`
	VideoCSRCs     []uint32 `json:"videoCsrcs"`
	Presenter      bool     `json:"presenter"`
	Screenshare    bool     `json:"screenshare"`
	AudioMuted     bool     `json:"audioMuted"`
	VideoMuted     bool     `json:"videoMuted"`
}

type canvasAssignment struct {
	CanvasID     int    `json:"canvasId"`
	SSRC         uint32 `json:"ssrc,omitempty"`
	MediaEntryID int    `json:"mediaEntryId,omitempty"`
}

type videoAssignment struct {
	Label    string             `json:"label"`
	Canvases []canvasAssignment `json:"canvases"`
}

type chatMessage struct {
	MessageID      string `json:"messageId"`
	ParticipantKey string `json:"participantKey"`
	DisplayName    string `json:"displayName"`
	Text           string `json:"text"`
	SendTime       string `json:"sendTime"`
}

type indicators struct {
	Signs
	VideoLocked bool `json:"videoLocked"`
}

type contentState struct {
	State        string `json:"state"`
	PresenterKey string `json:"presenterKey,omitempty"`
	DisplayName  string `json:"displayName,omitempty"`
	MediaEntryID int    `json:"mediaEntryId,omitempty"`
	Own          bool   `json:"own,omitempty"`
}

// Disconnect is why a session ended.
type Disconnect string

// The reasons of the contract, section 8.1. SessionLost is never sent.
const (
	ClientLeft        Disconnect = "REASON_CLIENT_LEFT"
	KnockDenied       Disconnect = "REASON_KNOCK_DENIED"
	KnockTimeout      Disconnect = "REASON_KNOCK_TIMEOUT"
	MeetingOver       Disconnect = "REASON_CONFERENCE_ENDED"
	UserStopped       Disconnect = "REASON_USER_STOPPED"
	CameraLocked      Disconnect = "REASON_VIDEO_LOCKED"
	TokenGone         Disconnect = "REASON_TOKEN_REVOKED"
	SessionUnhealthy  Disconnect = "REASON_SESSION_UNHEALTHY"
	ProtocolViolation Disconnect = "REASON_PROTOCOL_VIOLATION"
	SessionLost       Disconnect = "lost"
)
