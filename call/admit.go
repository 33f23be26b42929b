package call

// An Admission says whether there is room for one more call. It is asked once, when
// the call comes in, and must not block; done gives the room back. Its error refuses
// the call; wrap it by [Refusal] to say why.
type Admission interface {
	Admit(Request) (done func(), err error)
}

// admitted takes room for a call that comes in; what it returns gives it back.
func (c *Call) admitted() (done func()) {
	if c.Admission == nil || c.turned != nil {
		return func() {}
	}
	done, err := c.Admission.Admit(c.Request)
	if err != nil {
		end := endedBy(err)
		c.turned = &end
		return func() {}
	}
	return done
}
