# `cpack -G DEB` makes a Debian package, and one with the debug symbols beside it (etc/debian).
set(debian ${PROJECT_SOURCE_DIR}/etc/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME iscsi-userland)
set(CPACK_PACKAGE_VENDOR iscsi-userland)
# "machine" is what an installation without a package does beside this, "package" what only one does.
set(CPACK_INSTALL_CMAKE_PROJECTS
    "${CMAKE_BINARY_DIR};iscsi-userland;Unspecified;/" "${CMAKE_BINARY_DIR};iscsi-userland;package;/")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${debian}/finish.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${debian}/mend-symbols.cmake)
set(CPACK_ISCSI_DEBIAN_FOLDER ${debian})
set(CPACK_THREADS 0)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
# Whoever makes the package answers for it, and is named as Debian's tools name him.
set(maintainer "iscsi-userland")
set(address iscsi-userland@localhost)
if(DEFINED ENV{DEBEMAIL})
    set(address $ENV{DEBEMAIL})
endif()
if(DEFINED ENV{DEBFULLNAME})
    set(maintainer $ENV{DEBFULLNAME})
endif()
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${maintainer} <${address}>")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "iSCSI initiator in userland with the commands of open-iscsi")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"iscsid logs in to iSCSI targets and makes each logical unit a block device,
by ublk, the kernel's NBD client or FUSE. No iSCSI driver of the kernel is
involved.

iscsiadm, the units and the records are used as those of open-iscsi, whose
place this package takes.")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.51), mount, udev")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "kmod, systemd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS multipath-tools)
# The version whose words and files are spoken: what asks for open-iscsi (>= …) is content.
set(CPACK_DEBIAN_PACKAGE_PROVIDES "open-iscsi (= 2.1.8-1)")
set(CPACK_DEBIAN_PACKAGE_CONFLICTS open-iscsi)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${debian}/conffiles ${debian}/triggers ${debian}/postinst ${debian}/prerm ${debian}/postrm)
include(CPack)
