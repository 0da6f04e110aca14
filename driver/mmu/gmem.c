// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory, as the VMM's ordinary memory: by frame through the slots, by guest virtual address through the guest's
 * own tables (kernel view).
 *
 * Runs in the VMM's task with page faults disabled: a host page that is not there is noted (-PVM_ENEED) and provided
 * later. Virtual addresses go through a small cache of translations, the vTLB, which has a TLB's rights and duties:
 * it may be stale until the guest flushes, and every flush, base switch and resynchronisation empties it.
 */
#include <linux/uaccess.h>

#include "mmu/shadow.h"

int pvm_gmem_read_pte(struct pvm_vcpu *v, u64 table, u32 index, u64 *pte)
{
	return pvm_gpte_read(v, table, index, pte);
}

int pvm_gpte_write(struct pvm_vcpu *v, u64 table, u32 index, u64 pte)
{
	unsigned long hva = pvm_gfn_to_hva(v->vm, table);

	if (unlikely(!hva))
		return -ENXIO;
	if (unlikely(put_user(pte, (u64 __user *)hva + index)))
		return pvm_need_page(v, pvm_gfn(table), true);
	return 0;
}

int pvm_gpte_cmpxchg(struct pvm_vcpu *v, u64 table, u32 index, u64 *old, u64 pte)
{
	unsigned long hva = pvm_gfn_to_hva(v->vm, table);
	int ret;

	if (unlikely(!hva))
		return -ENXIO;
	ret = pvm_user_cmpxchg64((u64 __user *)hva + index, old, pte);
	return ret == -EFAULT ? pvm_need_page(v, pvm_gfn(table), true) : ret;
}

int pvm_gmem_read(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 offset, void *buf, u32 bytes)
{
	while (bytes) {
		u32 n = min(bytes, PVM_PAGE_SIZE - offset);
		unsigned long hva = pvm_gfn_to_hva(v->vm, gfn.v);

		if (!hva)
			return -ENXIO;
		if (copy_from_user(buf, (void __user *)(hva + offset), n))
			return pvm_need_page(v, gfn, false);
		buf += n;
		bytes -= n;
		offset = 0;
		gfn.v++;
	}
	return 0;
}

int pvm_gmem_write(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 offset, const void *buf, u32 bytes)
{
	while (bytes) {
		u32 n = min(bytes, PVM_PAGE_SIZE - offset);
		unsigned long hva = pvm_gfn_to_hva(v->vm, gfn.v);

		if (!hva)
			return -ENXIO;
		if (copy_to_user((void __user *)(hva + offset), buf, n))
			return pvm_need_page(v, gfn, true);
		buf += n;
		bytes -= n;
		offset = 0;
		gfn.v++;
	}
	return 0;
}

/*
 * Hypercall arguments, requests and stack frames are a few aligned words: moved one by one, which costs a third of the
 * general copy routines. Everything else goes to those. 0 or -EFAULT, as they mean "something was not copied".
 */
#define WORDS_MAX	(16 * sizeof(u64))

static __always_inline bool is_words(u64 address, u32 bytes)
{
	return !((address | bytes) & (sizeof(u64) - 1)) && bytes <= WORDS_MAX;
}

static __always_inline int copy_in(void *buf, unsigned long hva, u32 bytes)
{
	const u64 __user *from = (const u64 __user *)hva;
	u64 *to = buf;

	if (!is_words(hva, bytes))
		return copy_from_user(buf, from, bytes) ? -EFAULT : 0;
	if (!user_read_access_begin(from, bytes))
		return -EFAULT;
	for (; bytes >= 4 * sizeof(u64); bytes -= 4 * sizeof(u64), to += 4, from += 4) {
		unsafe_get_user(to[0], from, fault);
		unsafe_get_user(to[1], from + 1, fault);
		unsafe_get_user(to[2], from + 2, fault);
		unsafe_get_user(to[3], from + 3, fault);
	}
	for (; bytes; bytes -= sizeof(u64))
		unsafe_get_user(*to++, from++, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int copy_out(unsigned long hva, const void *buf, u32 bytes)
{
	u64 __user *to = (u64 __user *)hva;
	const u64 *from = buf;

	if (!is_words(hva, bytes))
		return copy_to_user(to, buf, bytes) ? -EFAULT : 0;
	if (!user_write_access_begin(to, bytes))
		return -EFAULT;
	for (; bytes >= 4 * sizeof(u64); bytes -= 4 * sizeof(u64), to += 4, from += 4) {
		unsafe_put_user(from[0], to, fault);
		unsafe_put_user(from[1], to + 1, fault);
		unsafe_put_user(from[2], to + 2, fault);
		unsafe_put_user(from[3], to + 3, fault);
	}
	for (; bytes; bytes -= sizeof(u64))
		unsafe_put_user(*from++, to++, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* ---- virtual addresses -------------------------------------------------------------------------------------- */

/* A new generation makes every entry miss; only when the number runs out are they wiped. */
void pvm_vtlb_flush(struct pvm_vcpu *v)
{
	if (++v->ss->vtlb_gen < PVM_VTLB_GENS)
		return;
	v->ss->vtlb_gen = 0;
	memset(v->mmu.vtlb, 0, sizeof(v->mmu.vtlb));
}

static struct pvm_vtlb_entry *vtlb_slot(struct pvm_vcpu *v, u64 gva)
{
	return &v->mmu.vtlb[pvm_vtlb_index(gva)];
}

void pvm_vtlb_flush_va(struct pvm_vcpu *v, u64 gva)
{
	vtlb_slot(v, gva)->key = 0;
}

/* Our accesses on the guest's behalf leave A and D in its table, as its own would. */
static int touch_leaf(struct pvm_vcpu *v, struct pvm_walk *w, bool write)
{
	u64 want = pvm_gpte_touched(w->pte[1], write);
	int ret;

	if (likely(want == w->pte[1]))
		return 0;
	ret = pvm_gpte_cmpxchg(v, w->table[1], w->index[1], &w->pte[1], want);
	if (ret == 1)
		return pvm_need_pause(v);	/* changed under us: do it all again */
	w->pte[1] = want;
	return ret;
}

/* Translate in one of the views; only the kernel's is cached. -EFAULT: the guest maps nothing suitable there. */
static int translate(struct pvm_vcpu *v, bool user, u64 gva, bool write, struct pvm_vtlb_entry *e)
{
	struct pvm_walk w __uninitialized;
	struct pvm_path *path;
	int err;

	if (!pvm_is_guest_va(gva))
		return -EFAULT;
	err = pvm_path_walk(v, user, gva, &w, &path);
	if (err == -PVM_ENEED)
		return err;
	if (err || (write && !w.writable))
		return -EFAULT;
	err = touch_leaf(v, &w, write);
	if (err)
		return err;
	if (!path)
		pvm_path_remember(v, user, gva, &w, NULL);
	e->key = gva >> 63 ? pvm_vtlb_key(v->ss, gva) : 0;	/* assembly flushes user addresses by doing nothing */
	e->gfn = pvm_pte_gfn(w.pte[1]);
	e->hva = pvm_gfn_to_hva(v->vm, e->gfn);
	e->writable = w.writable && (w.pte[1] & PVM_PTE_D);	/* the first write comes here again, to set D */
	if (!e->hva) {
		e->key = 0;
		return -EFAULT;
	}
	return 0;
}

static int lookup(struct pvm_vcpu *v, u64 gva, bool write, struct pvm_vtlb_entry **entry)
{
	struct pvm_vtlb_entry *e = vtlb_slot(v, gva);

	*entry = e;
	if (likely(e->key == pvm_vtlb_key(v->ss, gva) && (e->writable || !write)))
		return 0;
	return translate(v, false, gva, write, e);
}

int pvm_gva_read(struct pvm_vcpu *v, u64 gva, void *buf, u32 bytes)
{
	struct pvm_vtlb_entry *e;
	int err;

	while (bytes) {
		u32 offset = gva & (PVM_PAGE_SIZE - 1), n = min(bytes, PVM_PAGE_SIZE - offset);

		err = lookup(v, gva, false, &e);
		if (err)
			return err;
		if (unlikely(copy_in(buf, e->hva + offset, n)))
			return pvm_need_page(v, pvm_gfn(e->gfn), false);
		gva += n;
		buf += n;
		bytes -= n;
	}
	return 0;
}

int pvm_gva_write(struct pvm_vcpu *v, u64 gva, const void *buf, u32 bytes)
{
	struct pvm_vtlb_entry *e;
	int err;

	while (bytes) {
		u32 offset = gva & (PVM_PAGE_SIZE - 1), n = min(bytes, PVM_PAGE_SIZE - offset);

		err = lookup(v, gva, true, &e);
		if (err)
			return err;
		if (unlikely(copy_out(e->hva + offset, buf, n)))
			return pvm_need_page(v, pvm_gfn(e->gfn), true);
		gva += n;
		buf += n;
		bytes -= n;
	}
	return 0;
}

int pvm_gva_fetch(struct pvm_vcpu *v, u64 gva, void *buf, u32 bytes, u32 *got)
{
	struct pvm_vtlb_entry user, *e = &user;
	int err;

	*got = 0;
	while (bytes) {
		u32 offset = gva & (PVM_PAGE_SIZE - 1), n = min(bytes, PVM_PAGE_SIZE - offset);

		err = v->ss->kernel_mode ? lookup(v, gva, false, &e) : translate(v, true, gva, false, e);
		if (err == -EFAULT && *got)
			return 0;
		if (err)
			return err;
		if (unlikely(copy_in(buf, e->hva + offset, n)))
			return pvm_need_page(v, pvm_gfn(e->gfn), false);
		*got += n;
		gva += n;
		buf += n;
		bytes -= n;
	}
	return 0;
}

int pvm_gva_to_gfn(struct pvm_vcpu *v, u64 gva, bool write, pvm_gfn_t *gfn)
{
	struct pvm_vtlb_entry *e;
	int err = lookup(v, gva, write, &e);

	if (!err)
		*gfn = pvm_gfn(e->gfn);
	return err;
}
