//go:build linux

// Command simulcast measures what it costs to relay a browser's simulcast into a meeting
// (P-10): SRTP packets of three VP8 layers come on a socket, are decrypted, pass the
// bridge, and leave encrypted on another. The packets are sent by a program of its own,
// this one with -to, at the pace of a camera. It prints CPU milliseconds for each picture.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/media"
	"tandem/media/bridge"
)

const fps = 30

func main() {
	to := flag.String("to", "", "send to this address, instead of measuring")
	pictures := flag.Int("pictures", 300, "that are sent")
	flag.Parse()
	var err error
	if *to != "" {
		err = send(*to, *pictures)
	} else {
		err = measure(*pictures)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulcast:", err)
		os.Exit(1)
	}
}

// context is one side's of SRTP; the keys do not matter here.
func context() (*srtp.Context, error) {
	return srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
}

// packetsOf is how many packets of 1,100 octets the pictures of each layer take: about
// 180, 450 and 1,400 kbit/s.
func packetsOf() [layers]int { return [layers]int{1, 2, 5} }

const layers = 3

// send plays the browser.
func send(to string, pictures int) error {
	c, err := net.Dial("udp4", to)
	if err != nil {
		return err
	}
	defer c.Close()
	keys, err := context()
	if err != nil {
		return err
	}
	var seq [3]uint16
	began := time.Now()
	for n := range pictures {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / fps)))
		for layer, count := range packetsOf() {
			for i := range count {
				h := prtp.Header{
					Version: 2, PayloadType: 96, Marker: i == count-1, SequenceNumber: seq[layer], SSRC: uint32(layer + 1),
					Timestamp: uint32(n * 90000 / fps),
				}
				seq[layer]++
				plain, err := (&prtp.Packet{Header: h, Payload: payload(layer, n, i)}).Marshal()
				if err != nil {
					return err
				}
				coded, err := keys.EncryptRTP(nil, plain, nil)
				if err != nil {
					return err
				}
				if _, err := c.Write(coded); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// payload is a packet of a picture; each second one begins with a keyframe.
func payload(layer, n, i int) []byte {
	b := make([]byte, 1100)
	height := 180 << layer
	width := height * 16 / 9
	copy(b, []byte{0x90, 0x80, 0x80 | byte(n>>8)&0x7f, byte(n)})
	if i > 0 {
		b[0] = 0x80
		return b
	}
	b[4] = 1
	if n%fps == 0 {
		copy(b[4:], []byte{0, 0, 0, 0x9d, 1, 0x2a, byte(width), byte(width >> 8), byte(height), byte(height >> 8)})
	}
	return b
}

// measure relays what another process sends.
func measure(pictures int) error {
	in, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer in.Close()
	_ = in.SetReadBuffer(1 << 20)
	room, meeting, err := ends()
	if err != nil {
		return err
	}
	b := bridge.Join(room, meeting, bridge.Options{})
	defer b.Close()
	keys, err := context()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	sender := exec.Command(program, "-to", in.LocalAddr().String(), "-pictures", strconv.Itoa(pictures))
	sender.Stderr = os.Stderr
	if err := sender.Start(); err != nil {
		return err
	}
	began := cpu()
	shown, err := relay(in, keys, room, pictures)
	used := cpu() - began
	_ = sender.Wait()
	if err != nil {
		return err
	}
	if s := b.Stats().Meeting; shown < pictures*9/10 || int(s.Relayed) < shown*7 {
		return fmt.Errorf("%d of %d pictures came, %d packets were relayed", shown, pictures, s.Relayed)
	}
	w := bufio.NewWriter(os.Stdout)
	fmt.Fprintf(w, "%.4f\n", used.Seconds()*1e3/float64(shown))
	return w.Flush()
}

// relay reads until the last picture, or until nothing has come for two seconds.
func relay(in *net.UDPConn, keys *srtp.Context, room *session, pictures int) (shown int, err error) {
	buf := make([]byte, 2048)
	var h prtp.Header
	for shown < pictures {
		if err := in.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return shown, err
		}
		n, err := in.Read(buf)
		if err != nil {
			return shown, nil // what was lost does not come any more
		}
		plain, err := keys.DecryptRTP(buf[:0], buf[:n], &h)
		if err != nil {
			return shown, err
		}
		p := media.Packet{
			PayloadType: h.PayloadType, Marker: h.Marker, Sequence: h.SequenceNumber, Timestamp: h.Timestamp, SSRC: h.SSRC,
			Payload: plain[h.MarshalSize():], Arrived: time.Now(),
		}
		room.deliver(&p)
		if p.SSRC == 3 && p.Marker {
			shown++
		}
	}
	return shown, nil
}

// cpu is what the process has used, without its children.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
