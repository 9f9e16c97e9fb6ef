# What `cmake --install` puts where, and the Debian package of it (`make package`).

install(TARGETS muster muster-controller muster-gitops muster-pod muster-watcher RUNTIME DESTINATION bin)
# Where the watcher looks for it; no name that the linker should find.
install(TARGETS muster_partition LIBRARY DESTINATION lib/muster)
file(GLOB units CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/deploy/systemd/*.service")
install(FILES ${units} DESTINATION lib/systemd/system)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION share/doc/muster)
install(DIRECTORY docs examples DESTINATION share/doc/muster)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME muster)
set(CPACK_PACKAGE_CONTACT "muster maintainers <maintainers@muster.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "control plane for memcached clusters")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "memcached (>= 1.6.18), etcd-server (>= 3.4)")
include(CPack)
