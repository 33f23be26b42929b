package vp8

import (
	"image/color"

	"tandem/sim/picture"
)

func mustColour(s string) color.RGBA {
	c, err := picture.ParseHex(s)
	if err != nil {
		panic("the test's own colour is wrong: " + err.Error())
	}
	return c
}
