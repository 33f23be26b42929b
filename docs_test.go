package tandem

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	reference = regexp.MustCompile("`([a-z0-9_/]+\\.go)(?::([A-Za-z.]+))?`")
	heading   = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	fence     = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	metric    = regexp.MustCompile("tandem_[a-z_]+")
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(t, file), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			to := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				to = file
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: (%s) leads nowhere: %v", file, m[1], err)
			} else if anchor != "" && !anchors(t, to)[anchor] {
				t.Errorf("%s: (%s): %s has no such heading", file, m[1], to)
			}
		}
	}
}

func TestDocumentsNameWhatTheCodeDeclares(t *testing.T) {
	declared := make(map[string]map[string]bool)
	for _, file := range documents(t) {
		for _, m := range reference.FindAllStringSubmatch(prose(t, file), -1) {
			code, name := m[1], m[2]
			if file != "ARCHITECTURE.md" && name == "" && !strings.Contains(code, "/") {
				continue // short for a file of the folder the page is about
			}
			if _, err := os.Stat(code); err != nil {
				t.Errorf("%s: %s: %v", file, m[0], err)
				continue
			}
			if declared[code] == nil {
				declared[code] = declarations(t, code)
			}
			if name != "" && !declared[code][name] {
				t.Errorf("%s: %s: the file declares no such function, method or type", file, m[0])
			}
		}
	}
}

func TestTheTreeOfTheReadmeExists(t *testing.T) {
	_, tree, ok := strings.Cut(read(t, "README.md"), "\n## Where things are\n")
	if !ok {
		t.Fatal("README.md has no section Where things are")
	}
	tree, _, _ = strings.Cut(tree, "\nDocuments:")
	listed := make(map[string]bool)
	for row := range strings.Lines(tree) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("README.md: %v", err)
			}
			top, _, _ := strings.Cut(m[1], "/")
			listed[top] = true
		}
	}
	if len(listed) == 0 {
		t.Error("README.md: the table of the tree is empty")
	}
	for folder := range mayImport {
		if top, _, _ := strings.Cut(folder, "/"); top != "." && !listed[top] {
			t.Errorf("README.md: the table of the tree leaves %s out", top)
		}
	}
}

func TestEveryDecisionIsListed(t *testing.T) {
	all, err := filepath.Glob("docs/decisions/[0-9]*.md")
	if err != nil || len(all) < 2 {
		t.Fatalf("decisions: %v, %v", all, err)
	}
	architecture := read(t, "ARCHITECTURE.md")
	for _, file := range all {
		if !strings.HasSuffix(file, "000-template.md") && !strings.Contains(architecture, "]("+filepath.ToSlash(file)+")") {
			t.Errorf("ARCHITECTURE.md does not list %s", file)
		}
	}
}

func TestEveryPageIsInTheIndex(t *testing.T) {
	all, err := filepath.Glob("docs/[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	index := read(t, "docs/README.md")
	for _, file := range all {
		if !strings.Contains(index, "]("+filepath.Base(file)+")") {
			t.Errorf("docs/README.md does not list %s", file)
		}
	}
}

func TestDocumentsNameMetricsThatExist(t *testing.T) {
	families := read(t, "metrics/families.go")
	for _, file := range documents(t) {
		for _, name := range metric.FindAllString(read(t, file), -1) {
			if !strings.Contains(families, `"`+name+`"`) {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

func TestEveryMetricIsInTheDocuments(t *testing.T) {
	page := read(t, "docs/05-operation.md")
	for _, name := range metric.FindAllString(read(t, "metrics/families.go"), -1) {
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("docs/05-operation.md does not list %s", name)
		}
	}
}

// documents are the repository's pages.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// prose is a page without its examples.
func prose(t *testing.T, file string) string {
	t.Helper()
	return fence.ReplaceAllString(read(t, file), "")
}

// anchors are what links can call the headings of a page.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(prose(t, file), -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))] = true
	}
	return all
}

// declarations are the functions, methods (as Type.Method) and types of a file.
func declarations(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = receiver(d.Recv.List[0].Type) + "." + name
			}
			all[name] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					all[s.Name.Name] = true
				}
			}
		}
	}
	return all
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
