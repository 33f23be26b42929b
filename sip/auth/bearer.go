package auth

import "strings"

// Bearer are token credentials. With a Username they take the form of Google's
// telephony edge, with parameters (reference §5.1); without one that of RFC 8898 §2.
type Bearer struct {
	Username   string
	Realm      string
	Token      Secret
	TokenFirst bool // the other spelling in use: the token first, and spaces behind commas
}

// ParseBearer parses the value of an Authorization header, in either form, order
// and spacing (GV-C3). The error is [ErrMalformed], also for another scheme.
func ParseBearer(value string) (Bearer, error) {
	scheme, token68, params, err := split(value)
	if err != nil || !strings.EqualFold(scheme, "Bearer") {
		return Bearer{}, ErrMalformed
	}
	if token68 != "" {
		return Bearer{Token: Secret(token68)}, nil
	}
	b := Bearer{
		Username:   get(params, "username"),
		Realm:      get(params, "realm"),
		Token:      Secret(get(params, "token")),
		TokenFirst: len(params) > 0 && params[0].Name == "token",
	}
	if b.Token == "" {
		return Bearer{}, ErrMalformed
	}
	return b, nil
}

// Value is the value of an Authorization header, with the token in clear. It is
// not called String, so that no log prints it.
func (b Bearer) Value() string {
	token := string(b.Token)
	if b.Username == "" {
		return "Bearer " + strings.NewReplacer("\r", "", "\n", "").Replace(token)
	}
	user, realm := "username="+quote(b.Username), "realm="+quote(b.Realm)
	if b.TokenFirst {
		return "Bearer token=" + quote(token) + ", " + user + ", " + realm
	}
	return "Bearer " + user + "," + realm + ",token=" + quote(token)
}
