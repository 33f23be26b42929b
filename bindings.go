package tandem

import (
	"context"
	"errors"

	"tandem/leg/sipua"
	"tandem/store"
)

// bindings keeps registrations over a restart.
type bindings struct {
	all *store.Collection[sipua.Binding]
}

func (b *bindings) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	return b.all.DB.Atomically(ctx, f)
}

func (b *bindings) Load(ctx context.Context) ([]sipua.Binding, error) {
	var out []sipua.Binding
	for item, err := range b.all.Each(ctx) {
		if err != nil {
			return out, err
		}
		out = append(out, item.Value)
	}
	return out, nil
}

func (b *bindings) Put(ctx context.Context, v sipua.Binding) error {
	return b.all.Set(ctx, v.Device+" "+v.Key, v, v.Expires)
}

func (b *bindings) Delete(ctx context.Context, device, key string) error {
	return b.all.Delete(ctx, device+" "+key)
}

// sharedBindings are the registrations of several machines. Each looks after its own:
// a phone that has moved to another machine is that one's.
type sharedBindings struct {
	node string
	all  *store.Collection[sipua.Binding] // labelled by the device
}

func (b *sharedBindings) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	return b.all.DB.Atomically(ctx, f)
}

func (b *sharedBindings) ours(v sipua.Binding) bool { return v.Node == b.node || v.Node == "" }

// Load returns this machine's own.
func (b *sharedBindings) Load(ctx context.Context) ([]sipua.Binding, error) {
	var out []sipua.Binding
	for item, err := range b.all.Each(ctx) {
		if err != nil {
			return out, err
		}
		if b.ours(item.Value) {
			out = append(out, item.Value)
		}
	}
	return out, nil
}

func (b *sharedBindings) Put(ctx context.Context, v sipua.Binding) error {
	return b.all.Set(ctx, v.Device+" "+v.Key, v, v.Expires)
}

// Delete leaves alone what another machine has put in the same place.
func (b *sharedBindings) Delete(ctx context.Context, device, key string) error {
	item, err := b.all.Get(ctx, device+" "+key)
	if err != nil || !b.ours(item.Value) {
		return gone(err)
	}
	return gone(b.all.DeleteVersion(ctx, item.Key, item.Version))
}

// gone makes nothing of an error that says there was nothing to delete.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// of returns the registrations of a device on all machines.
func (b *sharedBindings) of(ctx context.Context, device string) ([]sipua.Binding, error) {
	items, err := b.all.List(ctx, store.Page{Label: device})
	out := make([]sipua.Binding, 0, len(items))
	for _, item := range items {
		out = append(out, item.Value)
	}
	return out, err
}

// bury deletes the registrations whose connections died with a machine. Those over
// UDP stay: the phones are still there.
func (b *sharedBindings) bury(ctx context.Context, node string) error {
	for item, err := range b.all.Each(ctx) {
		if err != nil {
			return err
		}
		if item.Value.Node != node || item.Value.Network == "udp" {
			continue
		}
		if err := gone(b.all.DeleteVersion(ctx, item.Key, item.Version)); err != nil {
			return err
		}
	}
	return nil
}
