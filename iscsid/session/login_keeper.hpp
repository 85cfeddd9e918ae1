#pragma once

#include "iscsid/session/condition.hpp"
#include "iscsid/session/kept_logins.hpp"
#include "iscsid/session/manager.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::session {

// A login that is not there yet, for people.
struct missing_login {
    iscsi::admin::node_id node;
    std::chrono::seconds age{}; // since it was asked for
    unsigned tries = 0;         // that have failed
    std::string reason;         // of the last; empty: none has ended yet
};

// The first few, for the end of a line: "; not logged in to … at …: …".
std::string words_of(const std::vector<missing_login>& missing);

// What came of a login that is kept, for one of its portals.
struct kept_end {
    outcome<login_result> how;
    bool is_needless = false; // another portal of the target has the session
};

// Logins that are tried until they succeed: the boot's, whose targets or network may come late.
// Each is tried by itself, beside the others, one attempt of login_timeout after the other; what
// has a session is left alone. It ends when all its sessions are there, when its record is gone or
// not automatic any more (if it was), when somebody logs out of it, or after
// iscsid.autologin_max_age.
//
//   resume(), once → keep(), end(), in any order → stop()
//
// Lives on the control thread, as long as the manager.
class login_keeper {
    struct wish;

  public:
    using handle = std::shared_ptr<const wish>;

    struct options {
        boost::asio::any_io_executor control;
        std::filesystem::path file; // for the next daemon
        std::string boot_id;
        std::function<void()> changed{};                       // missing() says something else
        iscsi::duration first_pause = std::chrono::seconds(1); // between two tries; it doubles
    };

    login_keeper(manager& sessions, options how);
    ~login_keeper();
    login_keeper(const login_keeper&) = delete;
    login_keeper& operator=(const login_keeper&) = delete;

    // Goes on with what an earlier daemon was told to keep trying. After manager::restore().
    void resume();

    // Begins to try these, or finds those that are tried already; one handle for each, in order,
    // and the failure of a record that could not be read. Nodes of one target whose records have
    // node.leading_login are one login: any of them will do.
    std::vector<outcome<handle>> keep(const records_read& nodes);

    // Waits until it is there, or for `limit`; after that the failure is transport_timeout with the
    // reason of the last try, and the tries go on.
    boost::asio::awaitable<kept_end>
    wait_for(handle login, iscsi::admin::node_id node, iscsi::duration limit);

    // Tries this node no more; nothing: it was not tried.
    std::optional<missing_login> end(const iscsi::admin::node_id& node);

    // Waits until the logins under way of all that was ended are cancelled, a while at most.
    boost::asio::awaitable<void> wait_for_cancelled();

    // In the order in which they were asked for; of a login with several portals each.
    std::vector<missing_login> missing() const;

    // Why the next daemon would not know what is missing; empty: it would.
    const std::string& unnoted() const { return unnoted_; }

    // No more tries; what is missing is for the next daemon.
    void stop();

  private:
    using wish_pointer = std::shared_ptr<wish>;
    class slot;

    static missing_login describe(const wish& what, const iscsi::admin::node_id& portal);
    wish_pointer find(const iscsi::admin::node_id& node) const;
    wish_pointer find_leading(std::string_view target) const;
    wish_pointer keep_one(const iscsi::admin::record& record, std::vector<wish_pointer>& added);
    wish_pointer add(kept_login what); // to be begun
    void begin(wish_pointer what);
    boost::asio::awaitable<void> run(wish_pointer what);
    boost::asio::awaitable<bool> wait_for_place(wish_pointer what);
    void give_place();
    static bool
    is_unwanted(wish& what, const iscsi::admin::node_id& portal, const record_read& now);
    boost::asio::awaitable<bool> is_still_wanted(wish_pointer what);
    bool is_wanted(wish& what) const;
    boost::asio::awaitable<bool> try_once(wish_pointer what);

    struct missing_sessions {
        iscsi::admin::record node;
        unsigned count = 0; // one at least
    };

    boost::asio::awaitable<outcome<missing_sessions>> find_missing(iscsi::admin::node_id portal
    ) const;
    std::vector<std::shared_ptr<live_session>>
    begin_logins(wish& what, const missing_sessions& of, const login_terms& terms);
    boost::asio::awaitable<bool> log_in(wish_pointer what, iscsi::admin::node_id portal);
    void note(wish& what, const std::string& reason);
    void forget(const wish_pointer& what);
    void save();
    void tell();

    manager& sessions_;
    options with_;
    condition changed_; // tries that were cancelled
    std::list<wish_pointer> wishes_;
    std::deque<std::weak_ptr<wish>> in_line_; // for a place among the tries
    std::shared_ptr<std::size_t> running_ = std::make_shared<std::size_t>(0); // tries
    std::size_t cancelled_ = 0; // tries that are on their way out
    std::string unnoted_;
    bool stopped_ = false;
};

} // namespace iscsid::session
