#include "iscsid/lane/session_host.hpp"

#include "iscsid/os/random.hpp"

#include "libiscsi/core/pdu/sense_segment.hpp"
#include "libiscsi/core/session/outbox.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/status.hpp"

#include <unistd.h>

#include <algorithm>

namespace iscsid::lane {

namespace {

iscsi::fault no_free_slot() {
    return {iscsi::to_error_code(iscsi::session_errc::no_free_slot), {}, {}, {}};
}

} // namespace

// ---- events of the session ----------------------------------------------------------------------

struct session_host::event_reader {
    session_host& host;

    void operator()(const iscsi::task_done& done) const;
    void operator()(const iscsi::want_transport& what) const;

    void operator()(const iscsi::want_close& what) const { host.socket_.close(what.why); }

    void operator()(const iscsi::want_entropy& what) const {
        host.session_.provide_entropy(os::random_bytes(what.bytes), host.now());
    }

    void operator()(const iscsi::logged_in& what) const;
    void operator()(const iscsi::target_message& what) const;
    void operator()(const iscsi::logged_out& what) const;
    void operator()(const iscsi::unit_is_back& what) const;

    template <class Event> // the rest is for the control thread alone
    void operator()(const Event& what) const {
        host.tell(iscsi::event(what));
    }

  private:
    void pass_on_attention(const iscsi::target_message& what) const;
};

void session_host::event_reader::operator()(const iscsi::task_done& done) const {
    if (command_source* const source = host.sources_.of(done.cookie))
        source->command_done(static_cast<std::uint32_t>(done.cookie), done);
}

void session_host::event_reader::operator()(const iscsi::want_transport& what) const {
    host.transport_wanted_ = true;
    host.tell(iscsi::event(what));
}

void session_host::event_reader::operator()(const iscsi::logged_in& what) const {
    host.sources_.restart_timeouts(host.now());
    for (const auto& each : host.units_) {
        each->doubt_write_cache(host.now()
        ); // whoever has changed it meanwhile, nobody could tell us
        each->connection_is_new();
        each->doubt(identity_check::answer_under_way::counts);
    }
    host.tell(iscsi::event(what));
}

void session_host::event_reader::operator()(const iscsi::target_message& what) const {
    pass_on_attention(what);
    auto bytes = std::make_shared<const std::vector<std::byte>>(what.data.begin(), what.data.end());
    host.notes_({host.key_, iscsi::event(iscsi::target_message{what.message, *bytes}), bytes});
}

// A SCSI event is a unit attention without a command that could carry it (RFC 7143 §11.9.1).
void session_host::event_reader::pass_on_attention(const iscsi::target_message& what) const {
    if (what.message.async_event != iscsi::async_scsi_event)
        return;
    constexpr auto status = static_cast<std::uint8_t>(scsi::status::check_condition);
    const auto judged = scsi::judge({0, status, iscsi::sense_in(what.data)});
    if (judged.news == scsi::attention::none)
        return;
    if (unit* const known = host.find_unit(what.message.lun))
        known->attention(judged.news);
    else
        host.attention_of_stranger(what.message.lun, judged.news);
}

void session_host::event_reader::operator()(const iscsi::logged_out& what) const {
    host.transport_wanted_ = false;
    host.tell(iscsi::event(what));
    if (what.clean)
        host.socket_.end_stream();
    else
        host.socket_.close({});
}

void session_host::event_reader::operator()(const iscsi::unit_is_back& what) const {
    if (unit* const known = host.find_unit(what.lun))
        known->reset_is_done();
    host.tell(iscsi::event(what));
}

// ---- the session --------------------------------------------------------------------------------

session_host::session_host(
    session_key key, iscsi::session session, const place& where, note_handler notes
)
    : scheduled_session(where.schedule)
    , key_(key)
    , session_(std::move(session))
    , transport_wanted_(where.socket < 0)
    , notes_(std::move(notes))
    , socket_(where.socket, where.io, *this) {
    sources_.add(control_);
    has_work();
}

void session_host::transport(int socket, const iscsi::fault& why) {
    if (!std::exchange(transport_wanted_, false)) { // too late: the session is over, or was told
        if (socket >= 0)
            ::close(socket);
        return;
    }
    has_work();
    if (socket < 0)
        return session_.connect_failed(why, now());
    socket_.open(socket);
    session_.transport_up(now());
}

void session_host::execute(control_command command) {
    has_work();
    control_.submit(std::move(command));
}

std::optional<std::size_t> session_host::give_up() {
    has_work();
    const auto ended = session_.give_up(now());
    return ended ? std::optional(*ended) : std::nullopt;
}

void session_host::give_up_unit(const iscsi::lun_field& lun) {
    has_work();
    session_.reset_lun(lun, now(), iscsi::task_end::at_once);
}

void session_host::reset_first(const iscsi::lun_field& lun, const std::string& why) {
    has_work();
    session_.reset_first(lun, now());
    tell(reset_ordered{lun, why});
}

void session_host::change(const iscsi::session_settings& settings) {
    has_work();
    session_.change(settings, now());
    for (const auto& each : units_)
        each->allow(settings.unit_commands_max);
}

void session_host::logout() {
    has_work();
    session_.logout(now());
}

session_view session_host::view() const {
    std::vector<unit_io> units;
    units.reserve(units_.size());
    for (const auto& each : units_)
        units.push_back({each->lun(), each->io()});
    return {
        session_.connection(),
        session_.state(),
        session_.parameters(),
        session_.statistics(),
        session_.unfinished_tasks(),
        std::move(units)};
}

unit* session_host::find_unit(const iscsi::lun_field& lun) {
    const auto known = std::ranges::find(units_, lun, &unit::lun);
    return known == units_.end() ? nullptr : known->get();
}

unit& session_host::unit_of(const iscsi::lun_field& lun) {
    if (unit* const known = find_unit(lun))
        return *known;
    units_.push_back(std::make_unique<unit>(*this, lun, session_.config().unit_commands_max));
    unit& created = *units_.back();
    sources_.add(created.identity());
    if (strangers_doubted_at_)
        created.doubt_write_cache(*strangers_doubted_at_);
    return created;
}

void session_host::leave() {
    has_work();
    socket_.close({});
}

void session_host::run(iscsi::instant now) {
    if (deadline() && *deadline() <= now) {
        session_.handle_deadline(now);
        sources_.handle_deadline(now);
    }
    finish_turn();
}

iscsi::result<iscsi::task_id>
session_host::submit(iscsi::command what, const command_source& from) {
    has_work();
    if (sources_.must_wait() && !what.goes_ahead)
        return no_free_slot();
    what.cookie = command_sources::mark(what.cookie, from);
    auto task = session_.submit(what, now());
    if (what.goes_ahead)
        return task;
    if (task.has_error())
        sources_.note_no_slot();
    else
        sources_.note_sent(from);
    return task;
}

void session_host::abort(iscsi::task_id task) {
    has_work();
    session_.abort(task, now());
}

void session_host::let_go(const iscsi::lun_field& lun) {
    has_work();
    session_.let_go(lun);
}

bool session_host::logged_in() const {
    return session_.connection() == iscsi::connection_state::logged_in;
}

void session_host::note_change(const iscsi::lun_field& lun, scsi::attention what) {
    if (may_change_mode(what))
        unit_of(lun).doubt_write_cache(now());
    if (what == scsi::attention::luns_changed)
        attention(lun, what);
}

void session_host::attention(const iscsi::lun_field& lun, scsi::attention what) {
    if (what == scsi::attention::deferred_error)
        return unit_of(lun).attention(what);
    for (const auto& each : units_)
        if (what == scsi::attention::luns_changed ||
            (what == scsi::attention::inquiry_changed && each->lun() == lun))
            each->doubt(identity_check::answer_under_way::is_old);
    tell(lun_attention{lun, what});
}

// A target may make up LUNs without end, so nothing is kept of each of them. But one may become a
// disk, by a look that began before: whichever it is, it is taken to have been meant.
void session_host::attention_of_stranger(const iscsi::lun_field& lun, scsi::attention what) {
    if (scsi::may_change_mode(what))
        strangers_doubted_at_ = now();
    if (what == scsi::attention::deferred_error)
        return tell(lun_attention{lun, what}); // of no write of ours
    attention(lun, what);
}

void session_host::received(std::size_t bytes) {
    has_work();
    const auto accepted = session_.received(bytes, now());
    if (accepted.has_error())
        socket_.close(accepted.error());
}

void session_host::sent(std::size_t bytes) {
    has_work();
    session_.sent(bytes, now());
}

void session_host::closed(const iscsi::fault& why) {
    has_work();
    if (why.code)
        tell(iscsi::event(iscsi::want_close{why})); // the reason, for the log
    session_.transport_lost(why, now());
}

// Everything that this turn has brought is in the session: take what follows from it, then send
// what has gathered with one call.
void session_host::finish_turn() {
    const auto free_slots = [this] { return session_.free_slots(); };
    do
        drain_events();
    while (sources_.serve(free_slots));
    if (socket_.can_send())
        send();
    if (socket_.can_receive())
        socket_.receive(session_.read_plan());
    set_deadline(iscsi::earlier(session_.next_deadline(), sources_.next_deadline()));
}

// What follows a send in full feature phase mostly is the target's answer, and the end of the send
// has nothing to say before.
void session_host::send() {
    const auto plan = session_.write_plan();
    const bool is_awaited = !logged_in() || iscsi::outbox::is_full(plan);
    socket_.send(plan, is_awaited ? ending::wakes : ending::quiet);
}

void session_host::drain_events() {
    while (const auto event = session_.poll_event())
        std::visit(event_reader{*this}, *event);
}

void session_host::tell(note_content what) {
    notes_({key_, std::move(what), nullptr});
}

} // namespace iscsid::lane
