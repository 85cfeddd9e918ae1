#include "iscsid/compat/sysfs.hpp"

#include "iscsid/compat/acting_orders.hpp"
#include "iscsid/compat/errors.hpp"
#include "iscsid/compat/tree_files.hpp"
#include "iscsid/os/system_fault.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace iscsid::compat {

namespace asio = boost::asio;

namespace {

// The kernel tells nobody that a folder of sysfs has a new entry.
constexpr auto pause_between_looks_below = std::chrono::seconds(1);

lun_picture picture_of(const session::lun_details& lun) {
    return {
        lun.number,
        lun.node,
        lun.is == session::lun_state::offline,
        lun.properties.vendor,
        lun.properties.product,
        lun.properties.revision,
        lun.properties.wwid};
}

std::string printable_address(const iscsi::net::endpoint& of) {
    return of.address().is_unspecified() ? std::string() : of.address().to_string();
}

} // namespace

session_picture picture_of(const session::session_outline& known) {
    const auto& plan = *known.plan;
    session_picture all;
    all.sid = known.sid;
    all.host = known.host_number;
    all.target = plan.node.target;
    all.group_tag = plan.node.group_tag;
    all.interface = plan.node.interface;
    all.net_device = plan.net_device;
    all.hardware_address = plan.hardware_address;
    all.initiator = plan.session.initiator_name;
    all.username = plan.session.auth.outgoing.name;
    all.username_in = plan.session.auth.incoming.name;
    all.address = printable_address(known.peer);
    all.port = known.peer.port();
    all.persistent_address = plan.node.address;
    all.persistent_port = plan.node.port;
    all.local_address = printable_address(known.local);
    all.recovery =
        std::chrono::duration_cast<std::chrono::seconds>(plan.session.timeouts.replacement);
    all.is_up = known.is_up;
    for (const auto& lun : known.disks)
        if (!lun.node.empty()) // a socket is no disk of the kernel
            all.luns.push_back(picture_of(lun));
    return all;
}

// ---- the beginning and the end ------------------------------------------------------------------

iscsi::result<std::shared_ptr<sysfs>> sysfs::start(ties with) {
    auto places = sysfs_places::cover_all(with.root, with.source);
    if (!places)
        return places.error();
    const auto folder = with.root / acting_folder;
    constexpr mode_t folder_mode = 0755;
    if (::mkdir(folder.c_str(), folder_mode) != 0)
        return os::system_fault(compat_errc::write_failed, folder.string());
    const std::shared_ptr<sysfs> made(new sysfs(std::move(with), *std::move(places)));
    auto acting = acting_mount::make(
        made->with_.control,
        folder,
        made->with_.source,
        [weak = std::weak_ptr(made)](const auto& file, auto written, auto done) {
            if (const auto self = weak.lock())
                self->act(file, std::move(written), std::move(done));
            else
                done(ENODEV);
        }
    );
    if (!acting)
        return acting.error();
    made->acting_ = *std::move(acting);
    made->look_below_later();
    return made;
}

sysfs::sysfs(ties with, sysfs_places places)
    : with_(std::move(with)), places_(std::move(places)), pause_(with_.control) {}

void sysfs::stop() {
    pause_.cancel();
    acting_->stop();
    shown_.clear();
    places_.uncover();
}

void sysfs::look_below_later() {
    pause_.expires_after(pause_between_looks_below);
    pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& ended) {
        const auto self = weak.lock();
        if (!self || ended)
            return;
        self->places_.mirror();
        self->look_below_later();
    });
}

// ---- what is shown ------------------------------------------------------------------------------

void sysfs::refresh(lane::session_key sid) {
    const auto session = with_.sessions->find(sid);
    const auto known = session ? session->outline() : std::nullopt;
    if (!known) {
        if (auto old = shown_.extract(sid); !old.empty())
            take_away(old.mapped());
        return;
    }
    const auto picture = picture_of(*known);
    auto& old = shown_[sid];
    if (old.is_refused || old.picture == picture)
        return;
    change(old, picture);
}

// The acting files are there before links lead to them, and go after these.
void sysfs::change(shown& from, const session_picture& to) {
    auto wanted = tree_of(to);
    const auto acting = acting_files_of(to);
    for (const auto& each : acting)
        acting_->add(each);
    if (const auto changed = change_files(places_.root(), from.files, wanted); !changed) {
        spdlog::error("session {} is not shown in sysfs: {}", to.sid, changed.error().text());
        from.is_refused = true;
        wanted.clear();
    }
    for (const auto& each : acting_files_of(from.picture))
        if (std::ranges::find(acting, each) == acting.end())
            acting_->remove(each);
    from.files = std::move(wanted);
    from.picture = to;
}

void sysfs::take_away(const shown& what) {
    remove_files(places_.root(), what.files);
    acting_->forget(what.picture.sid);
}

// ---- what is written ----------------------------------------------------------------------------

void sysfs::act(const acting_file& file, std::string written, std::function<void(int)> done) {
    auto session = with_.sessions->find(file.sid);
    if (!session)
        return done(ENODEV);
    asio::co_spawn(
        with_.control,
        obey(file, std::move(written), std::move(session)),
        [name = name_of(file),
         done = std::move(done)](const std::exception_ptr& thrown, const order_end& end) {
            if (!end.why.empty())
                spdlog::log(
                    end.error == 0 ? spdlog::level::info : spdlog::level::warn,
                    "a write to {} of sysfs: {}",
                    name,
                    end.why
                );
            done(thrown ? EIO : end.error);
        }
    );
}

} // namespace iscsid::compat
