package capacity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	sampleEvery = time.Second
	tick        = 10 * time.Millisecond // USER_HZ of /proc is 100 on every Linux
)

// usage is processor time since the start of the process, or of the machine.
type usage struct {
	at          time.Time
	process     time.Duration // of this process, all threads
	busy, total time.Duration // of the machine, all processors
}

// Run measures the load until ctx is done. Where it cannot be measured it says so
// once, and calls are let in whatever the load.
func (g *Gate) Run(ctx context.Context) error {
	read := g.read
	if read == nil {
		read = readUsage
	}
	before, err := read()
	if err != nil {
		g.Log.Warn("the load of the processors cannot be measured; limits.cpu has no effect", "err", err)
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now, err := read()
		if err != nil {
			g.Log.Debug("the load of the processors was not measured", "err", err)
			continue
		}
		g.measured(load(before, now, runtime.GOMAXPROCS(0)))
		before = now
	}
}

// load is the greater of two shares: of the processors this process may use, and of
// those of the machine, where others may be the ones who are busy.
func load(before, now usage, processors int) float64 {
	own := share(now.process-before.process, now.at.Sub(before.at)*time.Duration(processors))
	host := share(now.busy-before.busy, now.total-before.total)
	return max(own, host)
}

func share(part, whole time.Duration) float64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return min(float64(part)/float64(whole), 1)
}

func readUsage() (usage, error) {
	self, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return usage{}, err
	}
	host, err := os.ReadFile("/proc/stat")
	if err != nil {
		return usage{}, err
	}
	u := usage{at: time.Now()}
	if u.process, err = processTime(string(self)); err != nil {
		return usage{}, fmt.Errorf("/proc/self/stat: %w", err)
	}
	if u.busy, u.total, err = hostTime(string(host)); err != nil {
		return usage{}, fmt.Errorf("/proc/stat: %w", err)
	}
	return u, nil
}

var errStat = errors.New("not as proc(5) describes it")

// processTime is utime and stime, fields 14 and 15. The name in field 2 may hold
// spaces and parentheses.
func processTime(stat string) (time.Duration, error) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, errStat
	}
	fields := strings.Fields(stat[i+1:]) // from field 3 on
	if len(fields) < 13 {
		return 0, errStat
	}
	return sum(fields[11:13])
}

// hostTime reads the first line: user, nice, system, idle, iowait, irq, softirq,
// steal. The last two, of guests, are in user and nice already. Stolen time is not
// ours to use, so it counts as busy.
func hostTime(stat string) (busy, total time.Duration, err error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0, errStat
	}
	if total, err = sum(fields[1:min(len(fields), 9)]); err != nil {
		return 0, 0, err
	}
	idle, err := sum(fields[4:min(len(fields), 6)])
	return total - idle, total, err
}

func sum(fields []string) (time.Duration, error) {
	var ticks uint64
	for _, f := range fields {
		n, err := strconv.ParseUint(f, 10, 48)
		if err != nil {
			return 0, errStat
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
