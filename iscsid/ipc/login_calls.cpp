#include "iscsid/ipc/login_calls.hpp"

#include "iscsid/ipc/progress.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::ipc {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

namespace {

constexpr std::size_t most_sessions_per_node = 64;

// The end of one login, as a message.
asio::awaitable<admin::login_progress>
login_end(std::shared_ptr<session::live_session> session, std::uint32_t index) {
    const auto how = co_await session->login_end();
    co_return message_of(index, how);
}

} // namespace

login_calls::login_calls(session::manager& sessions, asio::any_io_executor where, std::size_t nodes)
    : sessions_(sessions), ends_(std::move(where), nodes * most_sessions_per_node) {}

void login_calls::start(const session::record_read& node, std::uint32_t index, waiting caller) {
    if (node.has_error())
        return add_failure(index, node.error());
    const auto missing = sessions_.logins_to(*node);
    if (missing.has_error())
        return add_failure(index, missing.error());
    const auto count = std::min<std::size_t>(*missing, most_sessions_per_node);
    if (sessions_.is_being_left(admin::id_of(*node)))
        return start_later({*node, index, caller}, count);
    std::set<lane::session_key> joined;
    for (std::size_t n = 0; n < count; ++n) {
        auto begun = sessions_.start_login(*node, joined, caller);
        if (begun.has_error())
            return add_failure(index, begun.error());
        joined.insert(begun->session->sid());
        add(*std::move(begun), index);
    }
}

void login_calls::start_additional(
    const session::record_read& node, std::uint32_t index, waiting caller
) {
    if (node.has_error())
        return add_failure(index, node.error());
    auto begun = sessions_.start_additional_login(*node, caller);
    if (begun.has_error())
        return add_failure(index, begun.error());
    add(*std::move(begun), index);
}

// Beside the other logins of the call.
void login_calls::start_later(const wanted& what, std::size_t count) {
    for (std::size_t n = 0; n < count; ++n)
        ends_.start(
            login_after_logouts(sessions_, what, claims_),
            {what.index, exit_code::internal, "internal error", 0}
        );
}

// Who has hung up by then wants no login any more. The record may have changed meanwhile.
asio::awaitable<admin::login_progress> login_calls::login_after_logouts(
    session::manager& sessions, wanted what, std::weak_ptr<claims> of_caller
) {
    using result = session::outcome<session::login_result>;
    co_await sessions.wait_for_logouts(what.node, {what.asked});
    if (what.caller == waiting::yes && of_caller.expired())
        co_return message_of(
            what.index, result(session::failure{exit_code::login, "nobody wants it any more"})
        );
    const auto node = co_await sessions.records().read(admin::id_of(what.node));
    if (node.has_error())
        co_return message_of(what.index, result(node.error()));
    session::login_terms terms;
    terms.asked = what.asked;
    auto begun = sessions.start_login(*node, *what.joined, what.caller, std::move(terms));
    if (begun.has_error())
        co_return message_of(what.index, result(begun.error()));
    what.joined->insert(begun->session->sid());
    if (const auto wishes = of_caller.lock())
        wishes->push_back(std::move(begun->claim));
    co_return co_await login_end(std::move(begun->session), what.index);
}

void login_calls::add(session::login_under_way begun, std::uint32_t index) {
    claims_->push_back(std::move(begun.claim));
    auto end = login_end(std::move(begun.session), index);
    ends_.start(std::move(end), {index, exit_code::internal, "internal error", 0});
}

void login_calls::add_failure(std::uint32_t index, const session::failure& why) {
    ends_.add({index, why.code, why.reason, 0});
}

} // namespace iscsid::ipc
