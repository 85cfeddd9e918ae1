#include "iscsiadm/modes/reservation.hpp"

#include "iscsiadm/ipc/client.hpp"
#include "iscsiadm/print/progress.hpp"
#include "iscsiadm/print/reservations.hpp"

#include <string>

namespace iscsi::cli {

namespace {

std::string text_of(const std::optional<std::uint64_t>& key) {
    return key ? admin::reservation_key_text(*key) : std::string();
}

admin::reserve_request_message
request_for(const reservation_wish& wish, const admin::session_info& session) {
    return {
        session.sid,
        wish.lun,
        std::string(admin::row_of(wish.verb).word),
        text_of(wish.key),
        text_of(wish.new_key),
        text_of(wish.victim_key),
        wish.type ? admin::reservation_type_word(*wish.type) : std::string()};
}

// The daemon has the request, and what became of it is not heard.
bool may_be_done(const fault& of_call) {
    return of_call.code == to_error_code(client_errc::cut) ||
           of_call.code == to_error_code(client_errc::timed_out) ||
           of_call.code == to_error_code(client_errc::malformed);
}

admin::reserve_answer_message
without_answer(const reservation_wish& wish, const fault& of_call, console& screen) {
    admin::reserve_answer_message how;
    how.code = report_call(of_call, screen);
    how.unknown = admin::row_of(wish.verb).changes() && may_be_done(of_call);
    how.detail = "no answer";
    if (how.unknown) {
        how.code = exit_code::pdu_timeout;
        how.detail = "no answer of iscsid; whether it was done is not known: read-keys and "
                     "read-reservation show it";
    }
    return how;
}

} // namespace

exit_code reserve(const reservation_wish& wish, const admin::session_info& session, context& at) {
    at.out.show(opened{document_kind::persistent_reservations});
    reservation_end end{session, request_for(wish, session), {}};
    auto called = at.daemon.persistent_reserve(end.asked);
    end.how = called ? *std::move(called) : without_answer(wish, called.error(), at.screen);
    if (end.how.code != exit_code::success) {
        at.screen.complain(could_not_reserve(end));
        at.screen.complain(reported_error(end.how.code));
        at.screen.complain(session_warning(session, end.how.detail));
    }
    at.out.show(end);
    return end.how.code;
}

} // namespace iscsi::cli
