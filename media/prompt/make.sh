#!/bin/sh
# Makes the speech files of this folder again. On Debian: apt install espeak-ng sox
#
# 16 kHz, one channel, mu-law WAV: what a telephone, G.722 and Opus can all play
# without loss worth hearing, in half the size of linear samples.
set -eu
cd "$(dirname "$0")/audio"

say() { # file, text
	espeak-ng -v en-us+f3 -s 168 -p 42 -w raw.wav "$2"
	# Without the silence around it, at a level beside a normal voice.
	sox -R raw.wav -b 8 -e mu-law -r 16000 -c 1 "$1.wav" \
		silence 1 0.01 0.3% reverse silence 1 0.01 0.3% reverse \
		highpass 90 norm -9 pad 0.02 0.05
	rm raw.wav
}

say waiting "You are waiting to be let in."
say admitted "You are in."
say refused "You were not let in."
say unanswered "Nobody answered."
say muted "Muted."
say unmuted "Unmuted."
say alone "You are the only one here."
say ended "The meeting has ended."
say recording "This meeting is being recorded."
say enter "Enter the meeting I D, followed by pound."
say unknown "There is no such meeting."
say again "Please try again."
say goodbye "Goodbye."
say connecting "You are being connected."
say silent "No meeting I D was entered."
say full "The meeting is full."
say unavailable "The meeting service does not answer."
