#pragma once

#include "iscsid/session/condition.hpp"
#include "iscsid/session/discovery_job.hpp"
#include "iscsid/session/isns_watch.hpp"
#include "iscsid/session/login_keeper.hpp"
#include "iscsid/session/manager.hpp"
#include "iscsid/session/source_records.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace iscsid::session {

struct rediscovery_source;

// Discovery that nobody asks for: sources whose record says use_discoveryd are asked again and
// again, each at its own pace and beside the others.
//
// What an answer has anew gets a record. Nodes that are automatic are logged in to when they are
// seen first, as login_keeper does it; so a logout by hand is not undone by the next answer. What
// an answer does not have any more is logged out of and loses its record, but not
// - while one of its disks is used, whatever iscsid.safe_logout says,
// - while another source that is repeated names it: then its record is that source's from now on,
// - when an entry of its target is left out, or of one that is not known: it was named,
// - when it is bound to an interface through which was not asked.
// A record in which users have set something stays when its session is ended. Another group tag of
// a path is no other node: its record moves to it when no session of it is there.
// An answer that names nothing, and a source that does not answer, change nothing. With an iSNS
// server the daemon is registered as an initiator, and asks again when the server says that
// something has changed.
//
//   start(), once → look_again(), any time → stop()
//
// Lives on the control thread, as long as the manager and the keeper; files are the workers'.
class rediscovery {
    using source = rediscovery_source;

  public:
    using answer = outcome<std::vector<discovered_portal>>;
    using question = std::function<boost::asio::awaitable<answer>(discovery_plan, note_taker)>;

    struct options {
        boost::asio::any_io_executor control;
        worker_pool* workers = nullptr;
        iscsi::admin::record_store* records = nullptr;
        question ask;                           // a portal with its tries, or an iSNS server
        boost::asio::any_io_executor resolvers; // none: no registration with iSNS servers
        iscsi::duration between_looks = std::chrono::seconds(30); // at what the records want
        iscsi::duration second = std::chrono::seconds(1);         // of an interval
    };

    rediscovery(manager& sessions, login_keeper& keeper, options how);
    ~rediscovery();
    rediscovery(const rediscovery&) = delete;
    rediscovery& operator=(const rediscovery&) = delete;

    void start();

    // Reads the records at once, and asks every source again.
    void look_again();

    void stop();

  private:
    using source_pointer = std::shared_ptr<source>;
    using nodes = std::vector<iscsi::admin::node_id>;

    // What hears of a question besides what it is answered with.
    struct question_ears {
        note_taker said;
        note_taker left_out; // as discovery_plan::hears_left_out
    };

    boost::asio::awaitable<void> watch();
    void take(const std::vector<repeated_source>& wanted);
    boost::asio::awaitable<void> run(source_pointer what);
    void ask_those_that_waited();
    boost::asio::awaitable<void> wait_for_turn(source_pointer what);
    boost::asio::awaitable<void> poll(source_pointer what);
    void keep_registered(const source_pointer& what, const source_records& by);
    boost::asio::awaitable<outcome<poll_answer>>
    ask(source_pointer what, std::shared_ptr<const source_records> by);
    boost::asio::awaitable<answer>
    ask_once(std::shared_ptr<const source_records> by, std::string interface, question_ears ears);
    boost::asio::awaitable<outcome<stored_answer>>
    store(std::shared_ptr<const source_records> by, poll_answer all);
    static void tell(source& what, const stored_answer& stored);
    boost::asio::awaitable<void> log_in(source& what, const stored_answer& stored);
    bool is_one_unasked(const source& but) const;
    source_pointer other_that_names(const iscsi::admin::node_id& node, const source& but) const;
    boost::asio::awaitable<void> drop(source_pointer what, nodes gone);
    boost::asio::awaitable<void> hand_over(source_pointer what, nodes& gone);
    boost::asio::awaitable<nodes> log_out_of(source_pointer what, nodes gone);
    boost::asio::awaitable<void> remove(source_pointer what, nodes ended);
    boost::asio::awaitable<std::string> log_out(iscsi::admin::node_id node);

    manager& sessions_;
    login_keeper& keeper_;
    options with_;
    condition changed_;
    std::map<iscsi::admin::discovery_id, source_pointer> sources_;
    bool looks_again_ = false;
    bool stopped_ = false;
};

} // namespace iscsid::session
