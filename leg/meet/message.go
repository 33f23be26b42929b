package meet

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The labels of the data channels, in the order in which they are opened.
const (
	chControl      = "session-control"
	chStats        = "media-stats"
	chAssignment   = "video-assignment"
	chParticipants = "participants"
	chEntries      = "media-entries"
	chChat         = "chat"
	chIndicators   = "indicators"
	chContent      = "content"
)

// labels are the channels of a call.
func labels(video bool) []string {
	all := []string{chControl, chStats, chParticipants, chEntries, chChat, chIndicators}
	if video {
		all = append(all, chAssignment, chContent)
	}
	return all
}

const (
	maxMessage   = 64 << 10 // octets
	maxResources = 2000     // of one message that are looked at
)

// message is one message of the service: all channels', in one type. Fields that
// are not known are passed over.
type message struct {
	Response  *response  `json:"response"`
	Resources []resource `json:"resources"`
	Deleted   []deleted  `json:"deletedResources"`
}

// response answers a request of ours; an absent status is success.
type response struct {
	RequestID int64  `json:"requestId"`
	Status    status `json:"status"`
	Send      *struct {
		MessageID string `json:"messageId"`
	} `json:"send"`
	Start *struct {
		MediaEntryID int64 `json:"mediaEntryId"`
	} `json:"start"`
}

// status is a google.rpc.Status; the code is canonical.
type status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Canonical codes that are acted upon.
const (
	codeOK                 = 0
	codePermissionDenied   = 7
	codeResourceExhausted  = 8
	codeFailedPrecondition = 9
)

// resource is a snapshot of one thing; exactly one of the fields is there.
type resource struct {
	ID            int64          `json:"id"`
	SessionStatus *sessionStatus `json:"sessionStatus"`
	RemoteMute    *remoteMute    `json:"remoteMute"`
	Configuration *configuration `json:"configuration"`
	Assignment    *assignment    `json:"videoAssignment"`
	Participant   *participant   `json:"participant"`
	MediaEntry    *mediaEntry    `json:"mediaEntry"`
	ChatMessage   *chatMessage   `json:"chatMessage"`
	Indicators    *indicators    `json:"indicators"`
	Content       *content       `json:"content"`
}

type deleted struct {
	ID          int64 `json:"id"`
	Participant bool  `json:"participant"`
	MediaEntry  bool  `json:"mediaEntry"`
}

type sessionStatus struct {
	ConnectionState   string `json:"connectionState"`
	DisconnectReason  string `json:"disconnectReason"`
	DisconnectMessage string `json:"disconnectMessage"`
	Lobby             *struct {
		Position      int      `json:"position"`
		ExpiresIn     duration `json:"expiresIn"`
		CanBeAdmitted bool     `json:"canBeAdmitted"`
	} `json:"lobby"`
}

const (
	stateWaiting      = "STATE_WAITING"
	stateJoined       = "STATE_JOINED"
	stateDisconnected = "STATE_DISCONNECTED"
)

type remoteMute struct {
	AudioMuted bool   `json:"audioMuted"`
	By         string `json:"by"`
}

// configuration says what statistics are wanted; 0 seconds are none.
type configuration struct {
	Seconds   int                  `json:"uploadIntervalSeconds"`
	Allowlist map[string]allowlist `json:"allowlist"`
}

type allowlist struct {
	Keys []string `json:"keys"`
}

type assignment struct {
	Label    string `json:"label"`
	Canvases []struct {
		CanvasID     int64  `json:"canvasId"`
		SSRC         uint32 `json:"ssrc"`
		MediaEntryID int64  `json:"mediaEntryId"`
	} `json:"canvases"`
}

type participant struct {
	Key       string `json:"participantKey"`
	SignedIn  *named `json:"signedInUser"`
	Anonymous *named `json:"anonymousUser"`
	Phone     *named `json:"phoneUser"`
	Device    string `json:"device"`
}

type named struct {
	DisplayName string `json:"displayName"`
}

type mediaEntry struct {
	ParticipantKey string   `json:"participantKey"`
	AudioCSRC      uint32   `json:"audioCsrc"`
	VideoCSRCs     []uint32 `json:"videoCsrcs"`
	Presenter      bool     `json:"presenter"`
	Screenshare    bool     `json:"screenshare"`
	AudioMuted     bool     `json:"audioMuted"`
	VideoMuted     bool     `json:"videoMuted"`
}

type chatMessage struct {
	MessageID   string `json:"messageId"`
	DisplayName string `json:"displayName"`
	Text        string `json:"text"`
	SendTime    string `json:"sendTime"`
}

type indicators struct {
	Recording     bool `json:"recording"`
	Streaming     bool `json:"streaming"`
	Transcription bool `json:"transcription"`
	Notes         bool `json:"notes"`
	VideoLocked   bool `json:"videoLocked"`
}

type content struct {
	State        string `json:"state"`
	PresenterKey string `json:"presenterKey"`
	Own          bool   `json:"own"`
}

const contentStarted = "STATE_STARTED"

// errMessage says that a message of the service means nothing.
var errMessage = errors.New("the message is not the JSON that was agreed")

// parseMessage reads one message of a data channel.
func parseMessage(b []byte) (*message, error) {
	if len(b) > maxMessage {
		return nil, fmt.Errorf("%w: it is larger than %d octets", errMessage, maxMessage)
	}
	m := new(message)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, errMessage
	}
	m.Resources = m.Resources[:min(len(m.Resources), maxResources)]
	m.Deleted = m.Deleted[:min(len(m.Deleted), maxResources)]
	return m, nil
}

// Requests of ours. A pointer that is nil leaves the verb out.
type request struct {
	ID    int64          `json:"requestId"`
	Leave *struct{}      `json:"leave,omitempty"`
	State *mediaState    `json:"setMediaState,omitempty"`
	Stats *uploadStats   `json:"uploadMediaStats,omitempty"`
	Set   *setAssignment `json:"setAssignment,omitempty"`
	Send  *sendChat      `json:"send,omitempty"`
	Start *startContent  `json:"start,omitempty"`
	Stop  *struct{}      `json:"stop,omitempty"`
}

type mediaState struct {
	AudioMuted bool `json:"audioMuted"`
	VideoMuted bool `json:"videoMuted"`
}

type setAssignment struct {
	Layout        layoutModel `json:"layoutModel"`
	MaxResolution *resolution `json:"maxVideoResolution,omitempty"`
}

type layoutModel struct {
	Label    string   `json:"label"`
	Canvases []canvas `json:"canvases"`
}

type canvas struct {
	ID           int64      `json:"id"`
	Dimensions   dimensions `json:"dimensions"`
	Relevant     *struct{}  `json:"relevant,omitempty"`
	Presentation *struct{}  `json:"presentation,omitempty"`
}

type dimensions struct {
	Height int `json:"height"`
	Width  int `json:"width"`
}

type resolution struct {
	Height    int `json:"height"`
	Width     int `json:"width"`
	FrameRate int `json:"frameRate"`
}

type sendChat struct {
	Text string `json:"text"`
}

type startContent struct {
	Label string `json:"label"`
}

type uploadStats struct {
	Sections []map[string]any `json:"sections"`
}

// text is the request as it goes onto the wire.
func (r request) text() ([]byte, error) {
	return json.Marshal(struct {
		Request request `json:"request"`
	}{r})
}
