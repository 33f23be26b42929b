//go:build peers

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/sim/picture"
)

// sees waits until most of what baresip shows has a colour, and a text can be read in it:
// sees NAME c03020 [TEXT]. What it shows is its own snapshot of what it decoded.
func (b *baresip) sees(ctx context.Context, args []string) error {
	again := time.NewTicker(time.Second) // to write a picture keeps baresip from all else
	defer again.Stop()
	var last error // what the end of ctx cuts off tells nothing
	for {
		img, err := b.snapshot(ctx)
		if err == nil {
			err = shown(img, args[0], strings.Join(args[1:], " "))
		}
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return last
		}
	}
}

// snapshot is the picture that comes next. baresip writes it after it has answered.
func (b *baresip) snapshot(ctx context.Context) (*image.YCbCr, error) {
	path := filepath.Join(b.dir, "seen.png")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := b.command(ctx, []string{"snapshot_recv", path}); err != nil {
		return nil, err
	}
	var whole []byte
	if err := until(ctx, func() (err error) {
		whole, err = os.ReadFile(path)
		if err == nil && !bytes.HasSuffix(whole, []byte("IEND\xaeB`\x82")) { // the last chunk, with its sum
			err = errors.New("baresip's picture is not written yet")
		}
		return err
	}); err != nil {
		return nil, err
	}
	src, err := png.Decode(bytes.NewReader(whole))
	if err != nil {
		return nil, err
	}
	return picture.From(src), nil
}

// shown fails when a picture is of another colour, or a text cannot be read in it.
func shown(img *image.YCbCr, hex, text string) error {
	want, err := picture.ParseHex("#" + hex)
	if err != nil {
		return err
	}
	if got := picture.Common(img); picture.Distance(got, want) > 40 {
		return fmt.Errorf("the picture of %v is %s, want %s", img.Bounds().Size(), picture.Hex(got), hex)
	}
	if text == "" {
		return nil
	}
	if got := picture.Reads(img, text); got < 0.75 {
		return fmt.Errorf("%q cannot be read in the picture of %v (%.2f)", text, img.Bounds().Size(), got)
	}
	return nil
}
