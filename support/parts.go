package support

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tandem/config"
	"tandem/store"
)

// logTail is how much of the log's end is taken.
const logTail = 2 << 20 // bytes

func (b *Bundle) parts(db *store.DB, noStore error) []part {
	stored := func(get func(context.Context, *store.DB) ([]byte, error)) func(context.Context) ([]byte, error) {
		return func(ctx context.Context) ([]byte, error) {
			if db == nil {
				return nil, noStore
			}
			return get(ctx, db)
		}
	}
	return []part{
		{"machine.json", false, b.machine},
		{"config.json", false, func(context.Context) ([]byte, error) { return indented(config.JSON(b.Config)) }},
		{"stored-config.json", false, stored(storedConfig)},
		{"versions.jsonl", false, stored(storedVersions)},
		{"status.json", false, b.ask("/status")},
		{"ready.json", false, b.ask("/readyz")},
		{"metrics.txt", false, b.ask("/metrics")},
		{"calls.jsonl", false, stored(lastCalls)},
		{"alarms.jsonl", false, stored(lastAlarms)},
		{"store.json", false, stored(sizes)},
		{"log.txt", true, b.log},
	}
}

// machine tells what runs on what.
func (b *Bundle) machine(context.Context) ([]byte, error) {
	host, err := os.Hostname()
	info := map[string]any{
		"version": b.Version, "go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH,
		"host": host, "processors": runtime.NumCPU(), "time": b.Now.Format(time.RFC3339), "file": b.File,
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			if strings.HasPrefix(s.Key, "vcs.") || s.Key == "CGO_ENABLED" {
				info[s.Key] = s.Value
			}
		}
	}
	for name, path := range map[string]string{
		"kernel": "/proc/version", "memory": "/proc/meminfo", "load": "/proc/loadavg", "uptime": "/proc/uptime",
		"release": "/etc/os-release", "cgroup_memory": "/sys/fs/cgroup/memory.max", "cgroup_cpu": "/sys/fs/cgroup/cpu.max",
	} {
		if text, err := os.ReadFile(path); err == nil {
			info[name] = firstLines(text, 6)
		}
	}
	text, broken := json.MarshalIndent(info, "", "  ")
	return text, errors.Join(err, broken)
}

func firstLines(text []byte, n int) string {
	lines := strings.SplitN(strings.TrimSpace(string(text)), "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

// ask gets a page of the running gateway.
func (b *Bundle) ask(path string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		if b.URL == "" {
			return nil, errors.New("the gateway has no HTTP listener (http: off)")
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+path, http.NoBody)
		if err != nil {
			return nil, err
		}
		client := Client()
		defer client.CloseIdleConnections()
		resp, err := client.Do(r)
		if err != nil {
			return nil, fmt.Errorf("the gateway does not answer: %w", err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxPart+1))
		if resp.StatusCode >= 400 && path != "/readyz" {
			err = errors.Join(err, fmt.Errorf("the gateway answered %s", resp.Status))
		}
		return text, err
	}
}

// storedConfig is the newest version of a managed gateway. Secrets in it are names.
func storedConfig(ctx context.Context, db *store.DB) ([]byte, error) {
	head, err := (&store.Collection[struct{ Number int64 }]{DB: db, Name: "config_head"}).Get(ctx, "head")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // it is not managed
	}
	if err != nil {
		return nil, err
	}
	item, err := (&store.Collection[json.RawMessage]{DB: db, Name: "config_documents"}).Get(ctx, fmt.Sprintf("%019d", head.Value.Number))
	if err != nil {
		return nil, err
	}
	return indented(item.Value, nil)
}

func indented(text []byte, err error) ([]byte, error) {
	var out bytes.Buffer
	err = errors.Join(err, json.Indent(&out, text, "", "  "))
	return out.Bytes(), err
}

func storedVersions(ctx context.Context, db *store.DB) ([]byte, error) {
	return lines(ctx, db, "config_versions", 50)
}

func lastCalls(ctx context.Context, db *store.DB) ([]byte, error) {
	return lines(ctx, db, "calls", someCalls)
}

func lastAlarms(ctx context.Context, db *store.DB) ([]byte, error) {
	return lines(ctx, db, "alarms", someCalls)
}

// lines are the newest records of a log, one a line.
func lines(ctx context.Context, db *store.DB, log string, most int) ([]byte, error) {
	all, err := (&store.Log[json.RawMessage]{DB: db, Name: log}).List(ctx, store.Span{Limit: most})
	var out bytes.Buffer
	for _, e := range all {
		if err := json.Compact(&out, e.Value); err != nil {
			return out.Bytes(), err
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), err
}

func sizes(ctx context.Context, db *store.DB) ([]byte, error) {
	s, err := db.Sizes(ctx)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(s, "", "  ")
}

// log is the end of the log file, or of the service's journal.
func (b *Bundle) log(ctx context.Context) ([]byte, error) {
	if b.LogFile != "" {
		return tail(b.LogFile)
	}
	cmd := exec.CommandContext(ctx, "journalctl", "--unit=tandem", "--lines=10000", "--no-pager", "--output=short-iso")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the service's journal cannot be read (%w); name the log with --log", err)
	}
	return out[max(0, len(out)-logTail):], nil
}

func tail(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-logTail), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, logTail))
}

// keyLines are the keys of the key file, which must not show either.
func keyLines(path string) (keys []string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		keys = append(keys, strings.TrimSpace(line))
	}
	return keys
}

// opened are the secrets in the store. Where the key file is not, or does not open
// them, they cannot have come anywhere else from here.
func opened(ctx context.Context, db *store.DB, keyFile string) (found []string) {
	if _, err := os.Stat(keyFile); err != nil {
		return nil
	}
	key, err := store.OpenKey(keyFile)
	if err != nil {
		return nil
	}
	s := &store.Secrets{DB: db, Key: key}
	names, err := s.Names(ctx)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if secret, err := s.Get(ctx, name); err == nil {
			found = append(found, secret)
		}
	}
	return found
}
