package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/cluster"
	"tandem/identity"
)

type (
	node struct {
		cluster.Node
		This   bool     `json:"this" doc:"It is the one that answers."`
		Drain  bool     `json:"drain" doc:"Somebody wants it to take no new calls."`
		By     string   `json:"by,omitempty" doc:"Who."`
		Leases []string `json:"leases" doc:"What it does that only one may do: gvoice/NAME."`
	}
	nodesOutput struct {
		Body struct {
			Items []node         `json:"items" doc:"Empty without a cluster: several machines need a PostgreSQL."`
			Calls []cluster.Call `json:"calls" doc:"Of all machines."`
		}
	}
	nodeInput struct {
		Name string `path:"name" maxLength:"250"`
	}
)

// A Cluster is the machines a gateway is made of.
type Cluster interface {
	View(ctx context.Context) (*cluster.View, []cluster.Call, error)
	Drain(ctx context.Context, node string, drain bool, by string) error
}

func (s *Server) registerNodes() {
	const tag = "node"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/nodes", "list-nodes", tag, "List the machines of the cluster"), s.nodes)
	for word, drain := range map[string]bool{"drain": true, "undrain": false} {
		summary := map[bool]string{true: "Let a machine take no new calls", false: "Let a machine take calls again"}[drain]
		op := operation(identity.Operate, http.MethodPost, "/nodes/{name}/"+word, word+"-node", tag, summary)
		op.Errors = append(op.Errors, http.StatusConflict)
		huma.Register(s.api, op, func(ctx context.Context, in *nodeInput) (*struct{}, error) {
			if s.Cluster == nil {
				return nil, huma.Error409Conflict("this gateway is one machine; several need a PostgreSQL")
			}
			v, _, err := s.Cluster.View(ctx)
			if err != nil {
				return nil, problem(err)
			}
			if _, ok := v.Node(in.Name); !ok {
				return nil, huma.Error404NotFound("there is no machine of this name")
			}
			return nil, problem(s.Cluster.Drain(ctx, in.Name, drain, who(ctx).String()))
		})
	}
}

func (s *Server) nodes(ctx context.Context, _ *struct{}) (*nodesOutput, error) {
	out := new(nodesOutput)
	out.Body.Items, out.Body.Calls = []node{}, []cluster.Call{}
	if s.Cluster == nil {
		return out, nil
	}
	v, calls, err := s.Cluster.View(ctx)
	if err != nil {
		return nil, problem(err)
	}
	this := s.Gateway.Overview().Node
	for _, n := range v.Nodes {
		one := node{Node: n, This: n.Name == this, Drain: v.Wishes[n.Name].Drain, By: v.Wishes[n.Name].By, Leases: []string{}}
		for _, l := range v.Leases {
			if holder, ok := v.Holder(l.Resource); ok && holder.Name == n.Name {
				one.Leases = append(one.Leases, l.Resource)
			}
		}
		out.Body.Items = append(out.Body.Items, one)
	}
	out.Body.Calls = append(out.Body.Calls, calls...)
	return out, nil
}
