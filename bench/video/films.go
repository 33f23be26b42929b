package main

import (
	"fmt"
	"io"
	"os"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// people are the drawn pictures, as they come from a meeting: decoded.
func (s clips) people(c *call) func(person, n int) (*video.Picture, error) {
	return func(person, n int) (*video.Picture, error) {
		stream := s.small
		if person == 0 {
			stream = s.large
		}
		return c.people[person].Decode(stream[n%len(stream)])
	}
}

// films are files of raw pictures, 8-bit I420 of 1280x720, one for each person in turn. They
// are made with, say, ffmpeg -i NAME -vf scale=1280:720 -r 30 -pix_fmt yuv420p -f rawvideo.
type films []string

func readFilms(names []string) films { return names }

// people are the pictures of the files, the first person's at their own size, the others'
// at a quarter of it. A file that is at its end begins again.
func (f films) people(*call) func(person, n int) (*video.Picture, error) {
	large, small := video.New(width, height), video.New(width/4, height/4)
	return func(person, n int) (*video.Picture, error) {
		if err := read(f[person%len(f)], n, large); err != nil || person == 0 {
			return large, err
		}
		yuv.Scale(small, large, yuv.Best(width, height, small.Width, small.Height))
		return small, nil
	}
}

// read reads picture n of a file.
func read(name string, n int, into *video.Picture) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		return err
	}
	size := int64(video.Size(width, height))
	if s.Size() < size {
		return fmt.Errorf("%s holds no picture of %dx%d", name, width, height)
	}
	r := io.NewSectionReader(f, int64(n)%(s.Size()/size)*size, size)
	for _, plane := range [][]byte{into.Y, into.U, into.V} {
		if _, err := io.ReadFull(r, plane); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
