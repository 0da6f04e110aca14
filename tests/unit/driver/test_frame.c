// SPDX-License-Identifier: GPL-2.0-only
/* Stack frames: layout word by word, forced selectors and flags, and stacks that are not the guest's. */
#include "test.h"

#include "xen/frame.h"

#define HANDLER	0xffffffff81000010ull
#define KSP	0xffffc90000004000ull

static struct pvm_regs user_regs(void)
{
	return (struct pvm_regs){
		.rcx = 0xc1, .r11 = 0xb1, .rax = 0xa1, .rip = 0x400123, .cs = PVM_SEL_USER_CS, .rflags = 0x10247,
		.rsp = 0x7ffc00001238, .ss = PVM_SEL_USER_DS,
	};
}

static struct pvm_bounce bounce(u32 flags)
{
	return (struct pvm_bounce){ .flags = flags, .error = 6, .handler = HANDLER, .kernel_sp = KSP };
}

static void from_user_with_error(void **state)
{
	struct pvm_regs r = user_regs(), before = r;
	struct pvm_bounce b = bounce(PVM_BOUNCE_ERROR | PVM_BOUNCE_MASK);
	struct pvm_stack_frame f;

	(void)state;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_memory_equal(&r, &before, sizeof(r));
	assert_int_equal(f.count, 8);
	assert_true(f.address == KSP - 64);
	assert_int_equal(f.word[0], 0xc1);
	assert_int_equal(f.word[1], 0xb1);
	assert_int_equal(f.word[2], 6);
	assert_int_equal(f.word[3], 0x400123);
	assert_int_equal(f.word[4], PVM_SEL_USER_CS);
	assert_int_equal(f.word[5], 0x10247);
	assert_true(f.word[6] == 0x7ffc00001238);
	assert_int_equal(f.word[7], PVM_SEL_USER_DS);
	assert_true(f.mask_events);
	pvm_frame_commit(&f, &r);
	assert_true(r.rip == HANDLER && r.rsp == KSP - 64);
	assert_int_equal(r.cs, 0xe033);
	assert_int_equal(r.ss, 0xe02b);
	assert_int_equal(r.rflags, 0x247);	/* RF gone */
	assert_int_equal(r.rax, 0xa1);
}

static void from_kernel_shows_ring_0_and_the_event_mask(void **state)
{
	struct pvm_regs r = user_regs();
	struct pvm_bounce b = bounce(PVM_BOUNCE_FROM_KERNEL);
	struct pvm_stack_frame f;

	(void)state;
	r.cs = PVM_SEL_XEN_CS;
	r.ss = PVM_SEL_XEN_DS;
	r.rsp = 0xffffc9000000fff9ull;
	b.upcall_mask = 0xff;			/* a guest may write anything there */
	b.iopl = 7;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_int_equal(f.count, 7);
	assert_true(f.address == 0xffffc9000000fff0ull - 56);
	assert_true(f.word[3] == (1ull << 32 | 0xe030));
	assert_int_equal(f.word[4], (0x10247 & ~0x200) | 0x3000);
	assert_true(f.word[5] == 0xffffc9000000fff9ull);	/* as it was, unaligned */
	assert_int_equal(f.word[6], 0xe02b);
	assert_false(f.mask_events);
	b.upcall_mask = 0;
	b.iopl = 1;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_int_equal(f.word[3], 0xe030);
	assert_int_equal(f.word[4], 0x11247);
}

static void only_system_calls_lose_df(void **state)
{
	struct pvm_regs r = user_regs();
	struct pvm_bounce b = bounce(0);
	struct pvm_stack_frame f;

	(void)state;
	r.rflags = ~0ull;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_true(f.rflags == ((PVM_FL_GUEST & ~(PVM_FL_AC | PVM_FL_RF | PVM_FL_NT | PVM_FL_TF)) | PVM_FL_FORCED));
	b.flags = PVM_BOUNCE_SYSCALL;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_false(f.rflags & PVM_FL_DF);
	assert_true(f.word[4] & PVM_FL_DF);	/* the frame tells the truth */
	r.rflags = 0;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_int_equal(f.rflags, PVM_FL_FORCED);
}

static void garbage_above_16_bits_of_selectors_is_cut(void **state)
{
	struct pvm_regs r = user_regs();
	struct pvm_bounce b = bounce(0);
	struct pvm_stack_frame f;

	(void)state;
	r.cs |= 0xabcd0000ull;
	r.ss |= 0xabcd0000ull;
	assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
	assert_int_equal(f.word[3], PVM_SEL_USER_CS);
	assert_int_equal(f.word[6], PVM_SEL_USER_DS);
}

static void stack_outside_guest_space_is_refused(void **state)
{
	static const struct { u64 sp; int want; } t[] = {
		{ KSP, 0 },
		{ 0, 0 },			/* wraps to the top of the address space, which is the guest's */
		{ 8, 0 },			/* aligned down: the same */
		{ 16, -EFAULT },		/* from the top into page 0 */
		{ 64, 0 },
		{ 0x800000000000, 0 },		/* ends at the last lower byte */
		{ 0x800000000010, -EFAULT },
		{ 0xffff800000000000, -EFAULT },	/* non-canonical below the hole */
		{ 0xffff800000000100, -EFAULT },	/* M2P */
		{ 0xffff878000000000, -EFAULT },	/* switcher */
		{ 0xffff87ffffffffff, -EFAULT },
		{ 0xffff880000000000, -EFAULT },	/* frame would end the hole */
		{ 0xffff880000000020, -EFAULT },	/* half in, half out */
		{ 0xffff880000000040, 0 },
		{ 0x8000000000000000, -EFAULT },
		{ 0xff00000000001000, -EFAULT },	/* switcher of a 5-level host */
		{ 0xffffffffffffffff, 0 },
	};
	struct pvm_regs r = user_regs();
	struct pvm_stack_frame f;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_bounce b = bounce(0);

		b.kernel_sp = t[i].sp;
		assert_int_equal(pvm_frame_bounce(&b, &r, &f), t[i].want);
		b.flags = PVM_BOUNCE_FROM_KERNEL;
		b.kernel_sp = KSP;
		r.rsp = t[i].sp;
		assert_int_equal(pvm_frame_bounce(&b, &r, &f), t[i].want);
	}
}

static void random_stacks_touch_only_guest_bytes(void **state)
{
	struct pvm_regs r = user_regs();
	struct pvm_stack_frame f;
	u32 i, n, ok = 0;

	(void)state;
	for (i = 0; i < 200000; i++) {
		struct pvm_bounce b = bounce((u32)rnd_below(16));
		u64 near[] = { 0xffff800000000000, 0xffff880000000000, 0x800000000000, 0, rnd() };

		b.kernel_sp = near[rnd_below(5)] + rnd_below(256) - 128;
		r.rsp = b.kernel_sp;
		if (pvm_frame_bounce(&b, &r, &f))
			continue;
		ok++;
		assert_int_equal(f.address & 7, 0);
		assert_true(f.address + 8 * f.count == (b.kernel_sp & ~15ull));
		for (n = 0; n < f.count; n++)
			assert_true(pvm_is_guest_va(f.address + 8 * n) && pvm_is_guest_va(f.address + 8 * n + 7));
	}
	assert_true(ok > 1000);
}

static void bad_handlers_are_refused(void **state)
{
	static const u64 bad[] = { 0, 0x800000000000, 0xffff800000000000, 0xffff878000001000, 0xff00000000000000 };
	struct pvm_regs r = user_regs();
	struct pvm_stack_frame f;
	u16 sel[4] = { 0 };
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pvm_bounce b = bounce(0);

		b.handler = bad[i];
		assert_int_equal(pvm_frame_bounce(&b, &r, &f), -EINVAL);
		assert_int_equal(pvm_frame_failsafe(&b, &r, sel, &f), -EINVAL);
	}
}

static void failsafe_layout(void **state)
{
	static const u16 sel[4] = { 1, 2, 3, 4 };
	struct pvm_regs r = user_regs();
	struct pvm_bounce b = bounce(PVM_BOUNCE_ERROR | PVM_BOUNCE_SYSCALL | PVM_BOUNCE_MASK);
	struct pvm_stack_frame f;

	(void)state;
	r.rflags |= PVM_FL_DF;
	assert_int_equal(pvm_frame_failsafe(&b, &r, sel, &f), 0);
	assert_int_equal(f.count, PVM_FRAME_MAX);
	assert_int_equal(f.word[0], 0xc1);
	assert_int_equal(f.word[1], 0xb1);
	assert_int_equal(f.word[2], 1);
	assert_int_equal(f.word[5], 4);
	assert_int_equal(f.word[6], 0x400123);
	assert_int_equal(f.word[7], PVM_SEL_USER_CS);
	assert_int_equal(f.word[10], PVM_SEL_USER_DS);
	assert_true(f.rflags & PVM_FL_DF);
	assert_true(f.mask_events);
	b.kernel_sp = 0xffff880000000050;	/* room for a bounce, not for eleven words */
	assert_int_equal(pvm_frame_failsafe(&b, &r, sel, &f), -EFAULT);
}

static void iret(u64 cs, u64 rflags, u64 rip, u64 flags, struct pvm_regs *r, struct pvm_iret *o)
{
	u64 w[PVM_IRET_WORDS] = { 0xa, 0x11, 0xc, flags, rip, cs, rflags, 0x7ffc00000008, 0x18 };

	*r = (struct pvm_regs){ .rbx = 0xb, .rcx = 1, .r11 = 2, .rax = 3 };
	pvm_frame_iret(w, r, o);
	assert_int_equal(r->rbx, 0xb);
	assert_int_equal(r->rax, 0xa);
	assert_true(r->rip == rip && r->rsp == 0x7ffc00000008);
	assert_int_equal(r->rflags & (PVM_FL_IF | PVM_FL_FIXED | PVM_FL_IOPL | PVM_FL_VM), PVM_FL_FORCED);
}

static void iret_to_user(void **state)
{
	static const struct { u64 in; u32 out; } t[] = {
		{ 0x33, 0x33 }, { 0xe033, 0x33 }, { 0x23, 0x23 }, { 0xe023, 0x23 },
		{ 0xabcd00000033, 0x33 },
	};
	struct pvm_regs r;
	struct pvm_iret o;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		iret(t[i].in, 0x246, 0x400000, 0, &r, &o);
		assert_true(o.to_user);
		assert_false(o.fault);
		assert_int_equal(o.upcall_mask, 0);
		assert_int_equal(r.cs, t[i].out);
		assert_int_equal(r.ss, PVM_SEL_USER_DS);
		assert_int_equal(r.rcx, 0xc);
		assert_int_equal(r.r11, 0x11);
	}
}

static void iret_to_kernel_forces_flat_selectors(void **state)
{
	static const u64 cs[] = { 0x10, 0xe030, 0xe031, 0x32, 0, 0xfffc };
	struct pvm_regs r;
	struct pvm_iret o;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(cs) / sizeof(cs[0]); i++) {
		iret(cs[i], 0x46, HANDLER, 0, &r, &o);
		assert_false(o.to_user);
		assert_false(o.fault);
		assert_int_equal(o.upcall_mask, 1);
		assert_int_equal(r.cs, 0xe033);
		assert_int_equal(r.ss, 0xe02b);
	}
}

static void iret_forces_flags(void **state)
{
	struct pvm_regs r;
	struct pvm_iret o;

	(void)state;
	iret(0x33, ~0ull, 0x400000, 0, &r, &o);
	assert_true(r.rflags == (PVM_FL_GUEST | PVM_FL_FORCED));
	assert_int_equal(o.upcall_mask, 0);
	assert_int_equal(o.iopl, 3);
	iret(0x33, 0x1000, 0x400000, 0, &r, &o);
	assert_int_equal(r.rflags, PVM_FL_FORCED);
	assert_int_equal(o.upcall_mask, 1);
	assert_int_equal(o.iopl, 1);
}

static void iret_in_syscall_gives_sysret_registers(void **state)
{
	struct pvm_regs r;
	struct pvm_iret o;

	(void)state;
	iret(0x33, 0x3046, 0x400000, PVM_IRET_IN_SYSCALL, &r, &o);
	assert_int_equal(r.rcx, 0x400000);
	assert_int_equal(r.r11, 0x246);
	assert_int_equal(r.rax, 0xa);
}

static void iret_that_would_fault_is_given_to_the_guest(void **state)
{
	struct pvm_regs r;
	struct pvm_iret o;

	(void)state;
	iret(0x0f, 0x202, 0x400000, 0, &r, &o);		/* LDT */
	assert_true(o.fault && o.to_user);
	assert_int_equal(o.error, 0x0c);
	assert_int_equal(r.cs, PVM_SEL_USER_CS);
	iret(0x63, 0x202, 0x400000, 0, &r, &o);		/* TLS */
	assert_true(o.fault);
	assert_int_equal(o.error, 0x60);
	iret(0x33, 0x202, 0x800000000000, 0, &r, &o);
	assert_true(o.fault && o.to_user);
	assert_int_equal(o.error, 0);
	iret(0x10, 0x202, 0xff00000000000000, 0, &r, &o);	/* canonical with five levels only */
	assert_true(o.fault && !o.to_user);
	iret(0x0f, 0x202, 1ull << 63, 0, &r, &o);
	assert_true(o.fault);
	assert_int_equal(o.error, 0);
}

/* A bounce and the iret Linux makes of it bring back the interrupted state. */
static void round_trip(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 50000; i++) {
		bool kernel = rnd_below(2);
		struct pvm_regs r = {
			.rcx = rnd(), .r11 = rnd(), .rax = rnd(), .rip = rnd() >> 17, .rsp = KSP - rnd_below(4096),
			.rflags = pvm_guest_rflags(rnd()), .cs = kernel ? PVM_SEL_XEN_CS : PVM_SEL_USER_CS,
			.ss = kernel ? PVM_SEL_XEN_DS : PVM_SEL_USER_DS,
		}, before = r;
		struct pvm_bounce b = bounce(kernel ? PVM_BOUNCE_FROM_KERNEL : 0);
		u64 w[PVM_IRET_WORDS] = { r.rax };
		struct pvm_stack_frame f;
		struct pvm_iret o;
		u8 mask = rnd_below(2);

		b.upcall_mask = mask;
		assert_int_equal(pvm_frame_bounce(&b, &r, &f), 0);
		pvm_frame_commit(&f, &r);
		w[1] = f.word[1];
		w[2] = f.word[0];
		memcpy(w + 4, f.word + 2, 5 * 8);
		pvm_frame_iret(w, &r, &o);
		assert_memory_equal(&r, &before, sizeof(r));
		assert_int_equal(o.to_user, !kernel);
		assert_int_equal(o.upcall_mask, mask);
		assert_false(o.fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_user_with_error),
		cmocka_unit_test(from_kernel_shows_ring_0_and_the_event_mask),
		cmocka_unit_test(only_system_calls_lose_df),
		cmocka_unit_test(garbage_above_16_bits_of_selectors_is_cut),
		cmocka_unit_test(stack_outside_guest_space_is_refused),
		cmocka_unit_test(random_stacks_touch_only_guest_bytes),
		cmocka_unit_test(bad_handlers_are_refused),
		cmocka_unit_test(failsafe_layout),
		cmocka_unit_test(iret_to_user),
		cmocka_unit_test(iret_to_kernel_forces_flat_selectors),
		cmocka_unit_test(iret_forces_flags),
		cmocka_unit_test(iret_in_syscall_gives_sysret_registers),
		cmocka_unit_test(iret_that_would_fault_is_given_to_the_guest),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
