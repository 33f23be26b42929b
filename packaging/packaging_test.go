package packaging

import (
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tandem/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// need skips the test where the program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(p + " is not installed")
		}
	}
}

func TestTheUnitIsGoodAndHardened(t *testing.T) {
	unit := read(t, "systemd/tandem.service")
	for _, want := range []string{
		"Type=notify", "WatchdogSec=", "Restart=on-failure", "NoNewPrivileges=yes", "ProtectSystem=strict",
		"AmbientCapabilities=CAP_NET_BIND_SERVICE", "User=tandem", "SystemCallFilter=@system-service",
	} {
		if !strings.Contains(unit, "\n"+want) {
			t.Errorf("the unit has no %s", want)
		}
	}
	if strings.Contains(unit, "ProcSubset=pid") {
		t.Error("admission reads /proc/stat, which ProcSubset=pid hides")
	}
	need(t, "systemd-analyze")
	out, _ := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", "systemd/tandem.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "tandem.service") && !strings.Contains(line, "is not executable") {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "systemd/tandem.service").CombinedOutput()
	if err != nil {
		t.Skipf("systemd-analyze security: %v", err)
	}
	exposure := regexp.MustCompile(`exposure level for tandem.service: ([0-9.]+)`).FindStringSubmatch(string(out))
	if exposure == nil {
		t.Fatalf("got %s", out)
	}
	if level, err := strconv.ParseFloat(exposure[1], 64); err != nil || level > 2 {
		t.Errorf("the unit's exposure is %s, want at most 2", exposure[1])
	}
}

// TestTheDebianPackage builds the package around a small program and looks at what
// came out.
func TestTheDebianPackage(t *testing.T) {
	need(t, "dpkg-deb", "dpkg-shlibdeps", "strip")
	dir := t.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "deb/build", program, dir, "v1.2.3")
	found, err := filepath.Glob(filepath.Join(dir, "tandem_1.2.3_*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v", found, err)
	}
	control := run(t, "dpkg-deb", "-f", found[0])
	for _, want := range []string{"Package: tandem\n", "Version: 1.2.3\n", "Depends: libc6"} {
		if !strings.Contains(control, want) {
			t.Errorf("no %q in\n%s", want, control)
		}
	}
	if strings.Contains(control, "@") && strings.Contains(strings.ReplaceAll(control, "tandem@localhost", ""), "@") {
		t.Errorf("something was not filled in:\n%s", control)
	}
	root := filepath.Join(dir, "root")
	run(t, "dpkg-deb", "-R", found[0], root)
	for path, mode := range map[string]os.FileMode{
		"usr/bin/tandem": 0o755, "usr/lib/systemd/system/tandem.service": 0o644, "etc/tandem/tandem.yaml": 0o640,
		"usr/share/man/man1/tandem.1.gz": 0o644, "usr/share/doc/tandem/copyright": 0o644, "usr/share/doc/tandem/changelog.gz": 0o644,
		"usr/share/doc/tandem/tandem.yaml.example": 0o644, "usr/share/doc/tandem/grafana/tandem.json": 0o644,
		"usr/share/doc/tandem/prometheus/tandem.rules.yml": 0o644, "usr/share/doc/tandem/12-running-it.md": 0o644,
		"DEBIAN/postinst": 0o755, "DEBIAN/prerm": 0o755, "DEBIAN/postrm": 0o755, "DEBIAN/md5sums": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", path, info, err, mode)
		}
	}
	if got := read(t, filepath.Join(root, "DEBIAN/conffiles")); got != "/etc/tandem/tandem.yaml\n" {
		t.Errorf("conffiles: %q", got)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		run(t, "sh", "-n", filepath.Join(root, "DEBIAN", script))
	}
	if out := run(t, "dpkg-deb", "-c", found[0]); strings.Count(out, "root/root") != strings.Count(out, "\n") {
		t.Errorf("files that are not root's:\n%s", out)
	}
}

// TestAnInstallationIntoAnEmptyRoot lets dpkg itself unpack the package, see the
// configuration file as one, and take the package away again.
func TestAnInstallationIntoAnEmptyRoot(t *testing.T) {
	need(t, "dpkg", "dpkg-deb", "dpkg-shlibdeps", "strip")
	if os.Getuid() != 0 {
		t.Skip("only root may give files away, as dpkg does")
	}
	dir := t.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "deb/build", program, dir, "v1.2.3")
	found, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	root := filepath.Join(dir, "root")
	for _, sub := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "dpkg", "--root="+root, "--force-depends", "--unpack", found[0])
	if out := run(t, "dpkg", "--root="+root, "-s", "tandem"); !strings.Contains(out, "install ok unpacked") || !strings.Contains(out, "/etc/tandem/tandem.yaml") {
		t.Errorf("got\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(root, "usr/bin/tandem")); err != nil {
		t.Error(err)
	}
}

func TestTheShippedConfigurationLoads(t *testing.T) {
	c, err := config.Load("deb/tandem.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Managed || c.KeyFile() != "/var/lib/tandem/tandem.key" {
		t.Errorf("managed: %v, key file: %s", c.Managed, c.KeyFile())
	}
}

func TestTheContainerfileNamesWhatThereIs(t *testing.T) {
	text := read(t, "../Containerfile")
	makefile := read(t, "../Makefile")
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-\n]*) \S+$`).FindAllStringSubmatch(text, -1) {
		for _, path := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join("..", path)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\bmake ([a-z]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("there is no make %s", m[1])
		}
	}
	if !strings.Contains(makefile, "-o tandem ./cmd/tandem") || !strings.Contains(text, "/src/tandem ") {
		t.Error("make build puts the program elsewhere than where the Containerfile takes it from")
	}
	packages := regexp.MustCompile(`(?m)^BUILD_PACKAGES := (.+)$`).FindStringSubmatch(makefile)
	if packages == nil {
		t.Fatal("the Makefile has no BUILD_PACKAGES")
	}
	for _, p := range strings.Fields(packages[1]) {
		if !slices.Contains(strings.Fields(text), p) {
			t.Errorf("the Containerfile does not install %s", p)
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	if version == nil || !strings.Contains(text, "golang:"+version[1]+"-") {
		t.Errorf("the Containerfile builds with another Go than go.mod's %v", version)
	}
	for _, ignored := range strings.Fields(read(t, "../.containerignore")) {
		if ignored == "cmd" || ignored == "web" || ignored == "packaging" {
			t.Errorf("%s is needed for the build", ignored)
		}
	}
}

func TestTheManualPageNamesCommandsThatExist(t *testing.T) {
	declared := read(t, "../cmd/tandem/main.go")
	commands := strings.Split(read(t, "deb/tandem.1"), ".TP\n.B ")
	if len(commands) < 5 {
		t.Fatal("the manual page has no commands")
	}
	for _, c := range commands[1:] {
		line, _, _ := strings.Cut(c, "\n")
		for name := range strings.SplitSeq(strings.ReplaceAll(line, `\fR, \fB`, ","), ",") {
			name, _, _ = strings.Cut(name, " ")
			field := strings.ToUpper(name[:1]) + name[1:]
			if !strings.Contains(declared, "\t"+field+" ") && !strings.Contains(declared, `name:"`+name+`"`) {
				t.Errorf("there is no tandem %s", name)
			}
		}
	}
}

// TestTheFilterOfFail2banReadsTheLog writes the lines as the gateway does.
func TestTheFilterOfFail2banReadsTheLog(t *testing.T) {
	var filters []*regexp.Regexp
	_, rest, _ := strings.Cut(read(t, "fail2ban/filter.d/tandem.conf"), "failregex = ")
	rest, _, _ = strings.Cut(rest, "ignoreregex")
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" {
			filters = append(filters, regexp.MustCompile(strings.ReplaceAll(line, "<HOST>", `\[?(?P<host>[0-9a-f.:]+?)\]?`)))
		}
	}
	for _, handler := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, host := range []string{"198.51.100.7", "2001:db8::7"} {
			from := netip.AddrPortFrom(netip.MustParseAddr(host), 5060)
			var out strings.Builder
			log := slog.New(handler(&out))
			log.Warn("wrong password or unknown user", "user", `x" from=192.0.2.1:1 y`, "from", from, "method", "REGISTER", "failures", 1)
			log.Warn("number that leads nowhere", "to", "900", "from", from, "failures", 7)
			log.Info("call phase", "from", from, "now", "ringing")
			found := 0
			for line := range strings.Lines(out.String()) {
				for _, f := range filters {
					if m := f.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
						found++
						if m[f.SubexpIndex("host")] != host {
							t.Errorf("%s bans %s", line, m[f.SubexpIndex("host")])
						}
					}
				}
			}
			if found != 2 {
				t.Errorf("%d of 2 lines are found in\n%s", found, &out)
			}
		}
	}
}
