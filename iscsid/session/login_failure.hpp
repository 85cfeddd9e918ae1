#pragma once

#include "iscsid/session/outcome.hpp"

#include "libiscsi/core/session/event.hpp"

namespace iscsid::session {

// Codes of the failure, as open-iscsi's: transport (4) the host name does not resolve, or there is
// no such network device or zone (without `detail`); transport_timeout (8) no connection. Only the
// latter may be tried again.
failure failure_of_connect(const iscsi::fault& why);

// Codes of the failure, by open-iscsi's table of status classes (RFC 7143 §11.13.5): pdu_timeout
// (11) no answer to the login; login (5) the target had no room or dropped us; fatal_login (19);
// login_auth_failed (24). The first two may be tried again.
failure failure_of_login(const iscsi::login_failed& told);

// SendTargets has ended without an answer: pdu_timeout (11), which open-iscsi ends with after a
// Reject or a PDU that it cannot take. It may be tried again unless the target broke the protocol
// or rejected the question as such: it would do so again.
failure failure_of_question(const iscsi::fault& why);

// The same with where it was, when the target had sent us from the portal `asked` to `reached`:
// whoever reads of it knows only the first.
failure failure_at(const iscsi::portal& reached, const iscsi::portal& asked, failure why);

} // namespace iscsid::session
