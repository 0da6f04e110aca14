/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages: the calling thread's error sentence, and the log of a context.
 *
 * pvm_fail() is the one way a function of the library fails with a text: it keeps the sentence for
 * pvm_errmsg() and hands the code back, so that `return pvm_fail(-EINVAL, "cannot ...")` reads as
 * one thought. A sentence says what was tried, on what, why it failed and what to do next. Outer
 * functions do not add to the sentence of inner ones: the innermost knows the reason.
 */
#ifndef PVM_ERR_H
#define PVM_ERR_H

struct pvm_log {
	void (*fn)(void *arg, int level, const char *text);
	void *arg;
	int level;
};

int pvm_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
void pvm_log(const struct pvm_log *log, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *pvm_strerror(int err);

#endif /* PVM_ERR_H */
