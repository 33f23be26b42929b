package room

import "testing"

func FuzzFloorStatus(f *testing.F) {
	f.Add([]byte{0x1f, 0x14, 0, 1, 0x25, 8, 0, 1, 0x0b, 4, 3, 0, 0x23, 8, 0, 1, 0x0b, 4, 3, 0})
	f.Add([]byte{5, 4, 0, 1})
	f.Fuzz(func(_ *testing.T, b []byte) { new(status).read(b, 0) })
}

func TestAStatusIsReadHoweverDeep(t *testing.T) {
	var st status
	st.read([]byte{0x1f, 0x14, 0, 9, 0x25, 8, 0, 9, 0x0b, 4, 3, 0, 0x23, 8, 0, 1, 0x0b, 4, 3, 0}, 0)
	if st.request != 9 || st.status != 3 {
		t.Errorf("%+v", st)
	}
}
