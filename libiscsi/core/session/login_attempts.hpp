#pragma once

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"

#include <optional>
#include <variant>

namespace iscsi {

// What a step of the login phase has come to; nothing: it goes on.
using login_news = std::variant<std::monostate, login_complete, login_redirect, login_failed>;

// The login phase of one connection after another (RFC 7143 §6.3): sends what `login` wants sent,
// asks for random bytes, and counts the redirections in a row.
//
// begin() with each transport, then on_response() and provide_entropy() until there are news; end()
// when the connection is gone. A redirection is followed by begin() at the other address, or by
// start_over().
class login_attempts {
  public:
    explicit login_attempts(session_context& context) : context_(context) {}

    login_news begin(connection& over);
    login_news on_response(const login_response& pdu, bytes_view data, connection& over);
    login_news provide_entropy(bytes_view bytes, connection& over);

    void end() { attempt_.reset(); }

    // The next attempt goes to the target's own address.
    void start_over() { redirects_ = 0; }

  private:
    login_news take(const result<login_step>& step, connection& over);
    login_news take_step(const login_send& next, connection& over);
    login_news take_step(const login_complete& complete, connection& over);
    login_news take_step(const login_redirect& elsewhere, connection& over);
    login_news take_step(const login_refusal& refusal, connection& over);
    login_news take_step(const login_wants_entropy& wish, connection& over);

    session_context& context_;
    std::optional<login> attempt_;
    unsigned redirects_ = 0;
};

} // namespace iscsi
