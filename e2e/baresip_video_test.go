//go:build peers

package e2e

import (
	"context"
	"fmt"
	"image"
	"image/png"
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
	for {
		img, err := b.snapshot(ctx)
		if err == nil {
			err = shown(img, args[0], strings.Join(args[1:], " "))
		}
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// snapshot is the picture that came last.
func (b *baresip) snapshot(ctx context.Context) (*image.YCbCr, error) {
	path := filepath.Join(b.dir, "seen.png")
	if err := b.command(ctx, []string{"snapshot_recv", path}); err != nil {
		return nil, err
	}
	return openPNG(path)
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

func openPNG(path string) (*image.YCbCr, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	src, err := png.Decode(f)
	if err != nil {
		return nil, err
	}
	return picture.From(src), nil
}
