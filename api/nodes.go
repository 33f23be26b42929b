package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/cluster"
	"tandem/identity"
	"tandem/store"
)

// A Cluster is a Gateway that may be one of several machines.
type Cluster interface {
	// Nodes is nil on a single machine.
	Nodes() *cluster.View
	ClusterCalls(ctx context.Context) ([]cluster.Call, error)
	Drain(ctx context.Context, node string, drain bool, by string) error
}

// NodeCall is a call of any machine.
type NodeCall cluster.Call

type (
	nodesOutput struct {
		Body struct {
			Items  []cluster.Node  `json:"items" doc:"The machines, in the order of their names; none on a single one."`
			Leases []cluster.Lease `json:"leases" doc:"Who does what only one machine may do."`
		}
	}
	nodeCallsOutput struct {
		Body struct {
			Items []NodeCall `json:"items"`
		}
	}
	drainInput struct {
		Name string `path:"name" maxLength:"200"`
		Body struct {
			Drain bool `json:"drain" doc:"Take no new calls; false: take them again."`
		}
	}
)

// registerNodes registers what concerns several machines.
func (s *Server) registerNodes() {
	const tag = "nodes"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/nodes", "list-nodes", tag, "List the machines of the cluster, and what they hold"),
		func(context.Context, *struct{}) (*nodesOutput, error) {
			out := new(nodesOutput)
			out.Body.Items, out.Body.Leases = []cluster.Node{}, []cluster.Lease{}
			if g, ok := s.Gateway.(Cluster); ok {
				if v := g.Nodes(); v != nil {
					out.Body.Items, out.Body.Leases = append(out.Body.Items, v.Nodes...), append(out.Body.Leases, v.Leases...)
				}
			}
			return out, nil
		})
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/nodes/calls", "list-node-calls", tag, "List the calls that run on all machines, as each showed them in the last seconds"),
		func(ctx context.Context, _ *struct{}) (*nodeCallsOutput, error) {
			out := new(nodeCallsOutput)
			out.Body.Items = []NodeCall{}
			g, ok := s.Gateway.(Cluster)
			if !ok {
				return out, nil
			}
			calls, err := g.ClusterCalls(ctx)
			if err != nil {
				return nil, huma.Error503ServiceUnavailable("the store does not tell the calls of other machines")
			}
			for _, c := range calls {
				out.Body.Items = append(out.Body.Items, NodeCall(c))
			}
			return out, nil
		})
	op := operation(identity.Operate, http.MethodPost, "/nodes/{name}/drain", "drain-node", tag, "Have a machine take no new calls, or take them again")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.drain)
}

func (s *Server) drain(ctx context.Context, in *drainInput) (*struct{}, error) {
	g, ok := s.Gateway.(Cluster)
	if !ok {
		return nil, huma.Error409Conflict("this is the only machine")
	}
	switch err := g.Drain(ctx, in.Name, in.Body.Drain, who(ctx).String()); {
	case errors.Is(err, store.ErrNotFound):
		return nil, huma.Error404NotFound("there is no machine of this name in the cluster")
	case errors.Is(err, errors.ErrUnsupported):
		return nil, huma.Error409Conflict("this is the only machine; several need a PostgreSQL as store")
	case err != nil:
		return nil, huma.Error503ServiceUnavailable("the store did not take it")
	}
	return nil, nil
}
