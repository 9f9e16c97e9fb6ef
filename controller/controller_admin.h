/*
 * controller_admin - the controller's HTTP port: metrics, health, and what `muster get` shows.
 *
 *     /metrics                 controller_metrics.h
 *     /healthz                 200: the loop turns
 *     /readyz                  200: etcd is reached and the copy of its keys is whole; it may lead
 *                              or stand by. Else 503, and why
 *     /api/v1/KIND[/NAME]      muster get KIND [NAME] -o json, read anew for each request
 */
#ifndef CONTROLLER_CONTROLLER_ADMIN_H
#define CONTROLLER_CONTROLLER_ADMIN_H

#include "admin/admin.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "controller/config.h"
#include "controller/controller.h"

/* How long etcd may take for a request below /api. */
#define API_TIMEOUT_MS 2000U

struct controller_admin;

/*
 * Listen where `config` says; both outlive it. Where nothing else was asked for than the usual
 * address and somebody listens there, there is no port, which is logged.
 */
MUST_USE int controller_admin_new(struct loop *loop, const struct controller_config *config,
                                  struct controller *controller, struct controller_admin **out,
                                  struct err *err);
/* Before the controller; waits up to API_TIMEOUT_MS for answers that are being made. */
void controller_admin_free(struct controller_admin *admin);
DEFINE_CLEANUP(struct controller_admin, controller_admin_free);

#endif
